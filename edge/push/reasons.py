"""What became of a push, out of what FFmpeg said: a code with what it names, so that it can be told in any language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MOST_SAID: Final = 200
"""So many characters of what FFmpeg said are told."""


@dataclass(frozen=True, slots=True)
class Reason:
    """`code`: '' when nothing is known. `params`: what it names, redacted as what FFmpeg said was."""

    code: str = ""
    params: dict[str, str] = field(default_factory=dict)


_SERVER: Final = "Server error: (?P<said>[^|]*"
_ANSWERED: Final = "(?P<said>(?:HTTP error|Server returned|failed:) "

_REASONS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    # what we say of FFmpeg ourselves
    ("ffmpeg_missing", re.compile(r"^cannot run FFmpeg: (?P<said>.+)")),
    ("no_progress", re.compile(r"^killed after (?P<seconds>[\d.]+) s without progress")),
    ("wrong_speed", re.compile(r"^killed because the media ran much faster or slower")),
    ("restarted_as_set", re.compile(r"^restarted after (?P<seconds>[\d.]+) s, as max-stream-duration says")),
    ("ffmpeg_killed", re.compile(r"^FFmpeg was killed by signal (?P<signal>\d+)")),
    # what a server says
    ("name_in_use", re.compile(_SERVER + r"(?:already|busy|in use|BadName|duplicate)[^|]*)", re.IGNORECASE)),
    (
        "key_refused",
        re.compile(
            _SERVER
            + r"(?:authenti|authori[sz]|denied|forbidden|permission|secret|(?:invalid|wrong|unknown)[^|]*key)[^|]*)",
            re.IGNORECASE,
        ),
    ),
    ("refused_by_target", re.compile(r"Server error: (?P<said>[^|]+)")),
    ("refused_by_target", re.compile(r"(?P<said>[Cc]onnection rejected[^|]*)")),
    ("login_refused", re.compile(_ANSWERED + r"40[13][^|]*)")),
    ("login_refused", re.compile(r"(?P<said>Unauthorized[^|]*)")),
    ("not_there", re.compile(r"(?:HTTP error|Server returned|failed:) 404")),
    ("server_failed", re.compile(_ANSWERED + r"5[\dX]{2}[^|]*)")),
    # what it comes to on the way there
    ("host_not_found", re.compile(r"Failed to resolve hostname (?P<host>[^\s:|]+)")),
    ("host_not_found", re.compile(r"Name or service not known|Temporary failure in name resolution")),
    ("tls_failed", re.compile(r"(?P<said>certificate verify failed|TLS handshake[^|]*|\[tls[^|]*)", re.IGNORECASE)),
    ("connection_refused", re.compile(r"Connection refused")),
    ("timed_out", re.compile(r"timed out", re.IGNORECASE)),
    ("unreachable", re.compile(r"No route to host|Network is unreachable")),
    # what FFmpeg can't do
    (
        "codec_refused",
        re.compile(
            r"(?P<said>[^;|:]*(?:incompatible with output codec|not currently supported in container"
            r"|not compatible with flv|incorrect codec parameters)[^;|]*)"
        ),
    ),
    ("protocol_missing", re.compile(r"Protocol not found")),
    ("file_missing", re.compile(r"No such file or directory")),
    ("unreadable_input", re.compile(r"Invalid data found when processing input")),
    ("closed_by_target", re.compile(r"Broken pipe|Connection reset by peer|End of file|Input/output error")),
    ("input_ended", re.compile(r"^FFmpeg ended(?:: |$)")),
)
"""The first that fits is taken: what a server said itself before what followed from it."""


def reason_of(said: str | None, source: str = "") -> Reason:
    """The reason in a worker's redacted `last_error`. `source`: host and port of what the worker reads; what failed
    there is none of the target's doings.
    """
    if not said:
        return Reason()
    if source and f"//{source}/" in said and "Server error" not in said and re.search(r"refused|Input/output", said):
        return Reason("source_unavailable")
    for code, pattern in _REASONS:
        if found := pattern.search(said):
            return Reason(code, {name: text.strip()[:MOST_SAID] for name, text in found.groupdict().items() if text})
    return Reason("ffmpeg_failed", {"said": said[:MOST_SAID]})
