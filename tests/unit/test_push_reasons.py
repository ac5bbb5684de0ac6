"""What FFmpeg said of a push, as a code with what it names."""

from __future__ import annotations

import pytest

from edge.push.reasons import reason_of

FAILED = "FFmpeg failed with status 1: "


@pytest.mark.parametrize(
    ("said", "code", "params"),
    [
        (None, "", {}),
        ("", "", {}),
        (f"{FAILED}rtmp://127.0.0.1:9/***: Connection refused", "connection_refused", {}),
        (
            f"{FAILED}[tcp] Failed to resolve hostname no.such.host: Name or service not known",
            "host_not_found",
            {"host": "no.such.host"},
        ),
        (
            f"{FAILED}[rtmp] Server error: Authentication failed; rtmp://h/***: Operation not permitted",
            "refused_by_target",
            {"said": "Authentication failed; rtmp://h/***: Operation not permitted"},
        ),
        ("killed after 15 s without progress: x", "no_progress", {"seconds": "15"}),
        ("cannot run FFmpeg: No such file or directory", "ffmpeg_missing", {"said": "No such file or directory"}),
        (f"{FAILED}av_interleaved_write_frame(): Broken pipe", "closed_by_target", {}),
        (f"{FAILED}srt://h/***: Connection timed out", "timed_out", {}),
        (f"{FAILED}rtmp://h/***: Network is unreachable", "unreachable", {}),
        (f"{FAILED}oops", "ffmpeg_failed", {"said": f"{FAILED}oops"}),
    ],
)
def test_a_reason_is_found(said: str | None, code: str, params: dict[str, str]) -> None:
    found = reason_of(said, "127.0.0.1:1935")
    assert (found.code, found.params) == (code, params)


def test_what_failed_at_the_source_is_not_the_targets_doing() -> None:
    assert reason_of(f"{FAILED}rtmp://127.0.0.1:1935/***: Input/output error", "127.0.0.1:1935").code == (
        "source_unavailable"
    )


def test_what_is_told_is_never_long() -> None:
    assert len(reason_of(FAILED + "x" * 5000).params["said"]) <= 200
