"""The rules of callbacks: what is a yes, when it is tried again, what is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import callbacks
from chalicelib.domain.model.callbacks import CallbackSettings
from tests.unit.test_domain import NOW, STREAM


@pytest.mark.parametrize(
    ("status", "body", "yes"),
    [
        (200, b"0", True),
        (200, b"{}", True),
        (200, b'{"code":0}', True),
        (200, b'{"code": 0, "data": null}', True),
        (200, b"0\n", False),
        (200, b"", False),
        (200, b'{"code":"0"}', False),
        (200, b'{"code":false}', False),
        (200, b'{"code":1}', False),
        (200, b"[]", False),
        (200, b"ok", False),
        (201, b"0", False),
        (None, b"", False),
    ],
)
def test_what_counts_as_a_yes(status: int | None, body: bytes, yes: bool) -> None:
    assert callbacks.is_yes(status, body) is yes


@pytest.mark.parametrize(
    ("status", "body", "no"),
    [
        (200, b"1", True),
        (200, b"-1\n", True),
        (200, b'{"code":1}', True),
        (200, b'{"code": 403, "msg": "not you"}', True),
        (401, b"", True),
        (403, b"<html>", True),
        (410, b"", True),
        (403, b"0", True),
        # what means yes, and what only looks like it
        (200, b"0", False),
        (200, b"0\n", False),
        (200, b"{}", False),
        (200, b'{"code":"1"}', False),
        (200, b'{"code":true}', False),
        (200, b'{"code":null}', False),
        (200, b"[1]", False),
        (200, b"true", False),
        (200, b"<html>", False),
        (200, b"\xff", False),
        (200, b"[" * 60_000, False),
        (204, b"", False),
        (302, b"", False),
        # nobody there who could say no, or not now
        (404, b"", False),
        (405, b"", False),
        (408, b"", False),
        (425, b"", False),
        (429, b"", False),
        (500, b"", False),
        (503, b'{"code":1}', False),
        (None, b"", False),
    ],
)
def test_what_counts_as_a_clear_no(status: int | None, body: bytes, no: bool) -> None:
    assert callbacks.is_no(status, body) is no
    assert not (no and callbacks.is_yes(status, body))


@given(st.floats(min_value=0, max_value=0.999))
def test_ten_attempts_over_three_days(jitter: float) -> None:
    at, attempts = NOW, 1
    while (due := callbacks.next_attempt(attempts, at, jitter)) is not None:
        assert due > at
        at, attempts = due, attempts + 1
    assert attempts == 10
    assert timedelta(days=2.4) < at - NOW < timedelta(days=3.1)


def test_only_on_publish_carries_the_param() -> None:
    settings = CallbackSettings(enabled=True, target="http://t", opaque="o")
    shown = callbacks.publish_payload("r", settings, STREAM, "?secret=S")
    assert shown["param"] == "?secret=S"
    for payload in (
        callbacks.unpublish_payload(STREAM),
        callbacks.record_begin_payload(STREAM, "u"),
        callbacks.record_end_payload(STREAM, "u", 0),
    ):
        done = callbacks.complete_payload(payload, "r", settings, "http://base/")
        assert "param" not in done
        assert done["opaque"] == "o"
    assert done["artifact_url"] == "http://base/terraform/v1/hooks/record/hls/u/index.mp4"
    assert done["artifact_code"] == 0
