"""FFmpeg, and the folders that it works in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from chalicelib.domain.tracks import Track


class Media(Protocol):
    """FFmpeg, as the finisher needs it."""

    def tracks(self, run: Path) -> list[Track]:
        """What a transport stream really holds.

        Raises:
            UpstreamError: it can't be read.
        """

    def remux(self, runs: Sequence[Path], tracks: Sequence[Track], target: Path) -> None:
        """Copy these tracks of transport streams that are alike, one after the other, into one MP4.

        Raises:
            BadMediaError: FFmpeg does not take them; the message holds its last line.
            UpstreamError: it could not do it otherwise.
            OSError: there is no room.
        """

    def thumbnail(self, source: Path, at_s: float, target: Path) -> bool:
        """Write a JPEG of the picture at `at_s`; False when there is no video."""

    def duration_ms(self, source: Path) -> int:
        """Length of a media file."""


class Folders(Protocol):
    """Folders of the machine where recordings are finished, for installations that have one."""

    def exists(self, folder: str) -> bool:
        """Whether files may be copied there."""

    def keep(self, recording: str, mp4: Path, copy_to: str) -> None:
        """Keep a finished MP4 as a local file too, and copy it into `copy_to` unless that is ''. Never raises."""

    def forget(self, recording: str) -> None:
        """Remove the local file of a recording."""
