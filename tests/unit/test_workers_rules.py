"""The pure rules of the workers: command line, back-off, progress, redaction, transitions."""

from __future__ import annotations

import random
from typing import get_args
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ffmpeg.workers.argv import build_argv, output_target
from edge.ffmpeg.workers.backoff import retry_delay
from edge.ffmpeg.workers.progress import Progress, ProgressMeter, ProgressParser
from edge.ffmpeg.workers.redact import redact, url_secrets
from edge.ffmpeg.workers.spec import TRANSITIONS, IllegalTransitionError, State, Timing, WorkerSpec, check_transition

INPUT = "rtmp://127.0.0.1:1935/live/x"


def argv_for(output: str, source: str = INPUT) -> list[str]:
    return build_argv("/usr/bin/ffmpeg", WorkerSpec("d", source, output))


def option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


def test_rtmp_is_pushed_as_flv_without_touching_the_codecs() -> None:
    argv = argv_for("rtmp://a.example/live2/key")
    assert argv[0] == "/usr/bin/ffmpeg"
    assert argv[-7:] == ["-rtmp_app", "live2", "-rtmp_playpath", "key", "-rtmp_tcurl", *["rtmp://a.example/live2"] * 2]
    assert option(argv, "-c") == "copy"
    assert option(argv, "-f") == "flv"
    assert option(argv, "-i") == INPUT
    assert option(argv, "-protocol_whitelist") == "rtmp,tcp"
    assert "-re" not in argv
    assert "-tls_verify" not in argv


def test_rtmps_verifies_the_certificate_whatever_the_default_of_this_ffmpeg_is() -> None:
    assert option(argv_for("rtmps://a.example:443/app/key"), "-tls_verify") == "1"


def test_srt_is_pushed_as_mpegts_without_bundled_audio() -> None:
    argv = argv_for("srt://a.example:10080?streamid=#!::r=live/key,m=publish")
    assert option(argv, "-f") == "mpegts"
    assert option(argv, "-pes_payload_size") == "0"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "key",
        "-i",
        "file:///etc/passwd",
        "/tmp/out.flv",
        "http://a.example/x",
        "RTMP:a.example/x",
        "rtmp:///live/key",
        "rtmp://a.example:99999/live/key",
        "rtmp://[::1/live/key",
        "rtmp://a.example/live/key live=1",
        "tee:[f=flv]rtmp://a.example/live/key",
        "srt://a.example:1?mode=listener",
        "srt://a.example:1?mode=caller&mode=rendezvous",
    ],
)
def test_other_targets_are_refused_and_the_refusal_does_not_repeat_them(url: str) -> None:
    with pytest.raises(ValueError, match="output URL") as refusal:
        argv_for(url)
    assert not url or url not in str(refusal.value)


def test_an_input_that_is_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="input URL"):
        argv_for("rtmp://a.example/live/key", source="concat:/etc/passwd")


@given(st.text())
def test_a_target_is_an_allowed_url_or_a_value_error(url: str) -> None:
    try:
        scheme = output_target(url).scheme
    except ValueError:
        return
    assert url.strip().lower().startswith(f"{scheme}://")


@given(st.integers(min_value=-5, max_value=100_000), st.integers())
def test_backoff_doubles_to_its_limit_and_is_never_nothing(attempt: int, seed: int) -> None:
    delay = retry_delay(attempt, Timing(), random.Random(seed))
    ceiling = min(30.0, 2.0 ** min(max(attempt, 1) - 1, 10))
    assert ceiling / 2 <= delay <= ceiling


def test_backoff_is_spread() -> None:
    rng = random.Random(1)
    assert len({retry_delay(6, Timing(), rng) for _ in range(20)}) == 20


def test_progress_blocks_close_with_their_last_line() -> None:
    parser = ProgressParser()
    lines = ["frame=1", "out_time_us=N/A", "noise", "total_size=900", "progress=continue", "out_time_us=40000"]
    assert [block for line in lines if (block := parser.feed(line))] == [Progress(None, 900, 1)]
    assert parser.feed("progress=end") == Progress(40000, None)


def test_the_meter_sees_an_advance_only_when_media_time_moves() -> None:
    meter = ProgressMeter(100.0)
    meter.add(Progress(None, 10), 101.0)
    meter.add(Progress(0, 10), 102.0)
    assert (meter.advanced, meter.last_advance) == (False, 100.0)
    meter.add(Progress(40_000, 500), 103.0)
    meter.add(Progress(40_000, 600), 104.0)
    assert (meter.advanced, meter.last_advance) == (True, 103.0)


def test_the_bitrate_is_that_of_the_last_seconds() -> None:
    meter = ProgressMeter(0.0)
    assert meter.bitrate_kbps is None
    for second in range(10):
        meter.add(Progress(None, 1_000_000), float(second))
    for second in range(10, 20):
        meter.add(Progress(None, 1_000_000 + (second - 9) * 125_000), float(second))
    assert meter.bitrate_kbps == 1000.0


def test_every_transition_that_the_table_lacks_is_refused() -> None:
    for old in get_args(State):
        for new in get_args(State):
            if new in TRANSITIONS[old]:
                check_transition(old, new)
            else:
                with pytest.raises(IllegalTransitionError):
                    check_transition(old, new)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtmp://a.example/live2/abcd-1234", "rtmp://a.example/live2/abcd-1234: Broken pipe"),
        ("rtmp://a.example/live2/abcd-1234", "Server error: abcd-1234 is not allowed"),
        ("rtmp://a.example/live-bvc/?streamname=n_1&key=0123abcd", "NetStream n_1 0123abcd"),
        ("rtmp://user:hunter22@a.example/app/key1", "login of user with hunter22 failed"),
        ("srt://a.example:1?streamid=#!::r=live/kkkk,m=publish&passphrase=0123456789", "live/kkkk 0123456789"),
        ("rtmp://a.example/app/k%C3%A4y%20one", "publish käy one"),
    ],
)
def test_what_ffmpeg_says_is_shown_without_the_secrets(url: str, said: str) -> None:
    shown = redact(said, url_secrets(url))
    for secret in ("abcd-1234", "n_1", "0123abcd", "hunter22", "key1", "kkkk", "0123456789", "käy one"):
        assert secret not in shown


def test_the_host_stays_so_that_the_message_helps() -> None:
    shown = redact("rtmp://a.example:1935/app/kkkk: Connection refused", url_secrets("rtmp://a.example:1935/app/kkkk"))
    assert shown == "rtmp://a.example:1935/***: Connection refused"


def test_urls_are_cut_even_if_they_are_not_ours() -> None:
    assert redact("opening 'rtmps://u:p@other.example/app/zzz?t=1' failed", []) == (
        "opening 'rtmps://other.example/***' failed"
    )


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=4).filter(
    lambda key: key.strip("*./") and "/" not in key and len(key.strip("*")) >= 4
)


@given(KEYS, st.sampled_from(["{}", "key {} refused", "{0}{0}", "rtmp://h.example/app/{}: no", "'{}'", "x{}x"]))
def test_a_key_is_never_shown(key: str, said: str) -> None:
    secrets = url_secrets(f"rtmp://h.example/app/{quote(key)}")
    assert key not in redact(said.format(key), secrets)
    assert quote(key) not in redact(said.format(quote(key)), secrets) or quote(key) == key


@given(st.text(), st.text())
def test_redaction_takes_any_text(text: str, url: str) -> None:
    try:
        secrets = url_secrets(url)
    except ValueError:
        secrets = set()
    redact(text, secrets)
