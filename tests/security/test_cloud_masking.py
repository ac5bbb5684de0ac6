"""What looks like a secret is in no log line and in no bundle, whoever wrote it; what does not is left alone."""

from __future__ import annotations

import json
import logging

import jwt
import pytest

from chalicelib.adapters.logs import MaskingFormatter
from chalicelib.services.recordings.shares import Shares
from chalicelib.wire.masking import masked
from edge.base.log import JsonFormatter
from infra.cli.diagnostics import masked as in_bundle
from tests.fakes import FakeClock

SECRET = "Canary0123456789abcdef"
JWT_ = jwt.encode({"sub": "x"}, "k" * 32, algorithm="HS256")
SHARE = Shares(FakeClock(), lambda: "m").folder("r", 60)
LINES = [
    f"GET {SHARE}index.m3u8 200",
    f"token {JWT_} was refused",
    f"Authorization: Bearer {SECRET}",
    f'"authorization": "bearer {SECRET}"',
    f"/live/x.flv?secret={SECRET}&a=1",
    f"/live/x.flv?a=1&token={SECRET}",
    f"/live/x%3Fsecret%3D{SECRET}",
    f"app=live&stream=x&secret={SECRET}",
    f"?play_token={SECRET}",
    f"rtmp://a.example.com/live2/{SECRET}",
    f"Error opening RTMPS://a.example.com:443/app/{SECRET}?x=1: refused",
    f"srt://h:1?streamid=#!::r=live/x,secret={SECRET},m=publish",
    f"srt://h:1?passphrase={SECRET}",
    f"rtsp://admin:{SECRET}@10.0.0.9/stream",
    f"Cookie: sluice_0a1b2c3d={SECRET}; x=1",
    f"/console/sign-in#{SECRET}",
    f"https://bucket/k?X-Amz-Signature={SECRET}&X-Amz-Security-Token={SECRET}",
    f'{{"password": "{SECRET}"}}',
    f'{{"body": "{{\\"secret\\": \\"{SECRET}\\"}}"}}',
    f"admin_password={SECRET}",
]
OWN = ["sluice_" + "a" * 43, "node-" + "0" * 48, "join-" + "0" * 40, "srs-v2-" + "0" * 32, "whsec_" + "A" * 32]
HARMLESS = [
    "session 01JD0000000000000000000001 of node n0123456789abcde is live",
    '{"key": "recordings/r/n/s/00000001-2000.ts", "status": 200}',
    "needs an 'Authorization: Bearer <token>' header",
    "rtmp://a.example.com/",
    "keyframe=1 monkey business, the tokens list is empty",
]


@pytest.mark.parametrize("line", LINES)
def test_what_looks_like_a_secret_is_masked(line: str) -> None:
    for text in (masked(line), in_bundle(line, []), masked(json.dumps(line))):
        assert SECRET not in text
        assert JWT_ not in text
        assert SHARE.split("/")[3] not in text
        assert "***" in text


@pytest.mark.parametrize("token", OWN)
def test_our_own_tokens_are_known_by_their_form(token: str) -> None:
    assert masked(f"x {token} y") == "x *** y"


@pytest.mark.parametrize("line", HARMLESS)
def test_what_does_not_is_left_alone(line: str) -> None:
    assert masked(line) == line


@pytest.mark.parametrize("formatter", [MaskingFormatter(), JsonFormatter()], ids=["cloud", "edge"])
def test_every_line_of_a_log_goes_through_it(formatter: logging.Formatter) -> None:
    error = ValueError(f"cannot open rtmp://h/app/{SECRET}")
    raised = (ValueError, error, None)
    record = logging.LogRecord("sluice", logging.ERROR, "f", 1, "failed %s", (f"?secret={SECRET}",), raised)
    record.fields = {"url": f"https://u:{SECRET}@h/"}
    line = formatter.format(record)
    assert SECRET not in line.replace('"url": "https://u:***@h/"', "")
    assert json.loads(line)


def test_the_log_of_the_application_is_written_by_it() -> None:
    import app

    assert isinstance(app.log.registered_formatter, MaskingFormatter)


def test_it_stays_quick() -> None:
    import time

    started = time.monotonic()
    masked("/live/x?secret=" * 20_000 + "eyJ" * 50_000 + "a://" * 20_000 + "rtmp://" * 20_000)
    assert time.monotonic() - started < 5
