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


_REASONS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("ffmpeg_missing", re.compile(r"^cannot run FFmpeg: (?P<said>.+)")),
    ("no_progress", re.compile(r"^killed after (?P<seconds>[\d.]+) s without progress")),
    ("refused_by_target", re.compile(r"Server error: (?P<said>[^|]+)")),
    ("refused_by_target", re.compile(r"(?P<said>HTTP error 40[13][^|]*|[Cc]onnection rejected|Unauthorized)")),
    ("host_not_found", re.compile(r"Failed to resolve hostname (?P<host>[^\s:|]+)")),
    ("host_not_found", re.compile(r"Name or service not known|Temporary failure in name resolution")),
    ("tls_failed", re.compile(r"(?P<said>certificate verify failed|TLS handshake[^|]*|\[tls[^|]*)", re.IGNORECASE)),
    ("connection_refused", re.compile(r"Connection refused")),
    ("timed_out", re.compile(r"timed out", re.IGNORECASE)),
    ("unreachable", re.compile(r"No route to host|Network is unreachable")),
    ("closed_by_target", re.compile(r"Broken pipe|Connection reset by peer|End of file|Input/output error")),
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
