"""What `sluice doctor` finds, and how it judges an FFmpeg."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chalicelib.wire.codecs import OLDEST, is_too_old

PROTOCOLS: Final = ("rtmp", "rtmps", "srt")
BACKLOG_S: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `hint` says how to mend it; `warns`: it works, and may not for long."""

    what: str
    ok: bool
    said: str
    hint: str = ""
    warns: bool = False


def version_of(text: str) -> tuple[int, int] | None:
    """Major and minor of FFmpeg's version line, None for a build that names none (a snapshot)."""
    found = re.match(r"n?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def judge_version(what: str, version: str) -> Finding:
    """Whether a version of FFmpeg is new enough; one that is not known is a dash, and no fault."""
    if is_too_old(version):
        oldest = ".".join(map(str, OLDEST))
        return Finding(what, False, f"{version} is too old", f"Install {oldest} or newer, or name it in FFMPEG_BIN.")
    return Finding(what, True, version or "-")


def judge_ffmpeg(version: str, protocols: str) -> Finding:
    """Whether an FFmpeg can do what pushes need, by its version and the output of `ffmpeg -protocols`."""
    judged = judge_version("ffmpeg", version)
    outputs = set(protocols.partition("Output:")[2].split())
    missing = [p for p in PROTOCOLS if p not in outputs]
    if judged.ok and missing:
        hint = "Pushes to such URLs will fail. Name a fuller build in FFMPEG_BIN."
        return Finding("ffmpeg", False, f"{version} cannot write {', '.join(missing)}", hint)
    return judged
