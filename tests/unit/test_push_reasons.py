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
            "key_refused",
            {"said": "Authentication failed; rtmp://h/***: Operation not permitted"},
        ),
        (f"{FAILED}[rtmp] Server error: Already publishing", "name_in_use", {"said": "Already publishing"}),
        (
            f"{FAILED}[rtmp] Server error: NetStream.Publish.BadName : stream name is in use",
            "name_in_use",
            {"said": "NetStream.Publish.BadName : stream name is in use"},
        ),
        (f"{FAILED}[rtmp] Server error: Invalid stream key", "key_refused", {"said": "Invalid stream key"}),
        (f"{FAILED}[rtmp] Server error: no such app", "refused_by_target", {"said": "no such app"}),
        (
            f"{FAILED}[rtsp] method DESCRIBE failed: 401 Unauthorized",
            "login_refused",
            {"said": "failed: 401 Unauthorized"},
        ),
        (f"{FAILED}http://h/a.flv: Server returned 404 Not Found", "not_there", {}),
        (
            f"{FAILED}http://h/a.flv: Server returned 5XX Server Error reply",
            "server_failed",
            {"said": "Server returned 5XX Server Error reply"},
        ),
        (
            f"{FAILED}[tls @] certificate verify failed; rtmps://h/***: Input/output error",
            "tls_failed",
            {"said": "[tls @] certificate verify failed; rtmps://h/***: Input/output error"},
        ),
        (
            f"{FAILED}[flv] Audio codec opus not compatible with flv; Could not write header: Function not implemented",
            "codec_refused",
            {"said": "[flv] Audio codec opus not compatible with flv"},
        ),
        (f"{FAILED}srt://h:1: Protocol not found", "protocol_missing", {}),
        (f"{FAILED}/data/a.mp4: No such file or directory", "file_missing", {}),
        (f"{FAILED}/data/a.mp4: Invalid data found when processing input", "unreadable_input", {}),
        ("killed because the media ran much faster or slower than time for long: x", "wrong_speed", {}),
        ("restarted after 60 s, as max-stream-duration says", "restarted_as_set", {"seconds": "60"}),
        ("FFmpeg was killed by signal 9: x", "ffmpeg_killed", {"signal": "9"}),
        ("FFmpeg ended", "input_ended", {}),
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
