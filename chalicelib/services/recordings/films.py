"""The MP4s of a recording. What can't be used, a track, a run or a damaged segment, is left out and named; it loses
nothing else. What says nothing of the media (no room, FFmpeg killed) is no reason to leave anything out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain import tracks
from chalicelib.domain.errors import BadMediaError
from chalicelib.domain.model.recordings import RecordedFile
from chalicelib.ports.media import Media

_log = Logger(child=True)
_COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that run on, joined in one file. `ends`: where each of them ends there, in bytes."""

    path: Path
    ends: tuple[int, ...]

    def cut(self, first: int, last: int, target: Path) -> Path:
        """A file of its own with the segments from `first` up to, and without, `last`."""
        begin = self.ends[first - 1] if first else 0
        left = self.ends[last - 1] - begin
        with self.path.open("rb") as source, target.open("wb") as copy:
            source.seek(begin)
            while left and (block := source.read(min(left, _COPY_BYTES))):
                left -= len(block)
                copy.write(block)
        return target


@dataclass(frozen=True, slots=True)
class Made:
    """The MP4s in order, what is in none of them, and the tracks of the first."""

    files: list[RecordedFile]
    notes: list[str]
    tracks: tuple[tracks.Track, ...]


class Films:
    """Makes them."""

    def __init__(self, media: Media) -> None:
        self._media = media

    def make(self, runs: Sequence[Run], work: Path) -> Made:
        """Make the MP4s of runs in the folder `work`.

        Raises:
            BadMediaError: none could be made; the message says why.
            UpstreamError: FFmpeg could not be run. OSError: there is no room.
        """
        seen: list[list[tracks.Track]] = []
        unreadable: dict[int, str] = {}
        for number, run in enumerate(runs):
            try:
                seen.append(self._media.tracks(run.path))
            except BadMediaError as error:
                seen.append([])
                unreadable[number] = str(error)
        groups, left = tracks.grouped(seen)
        made = Made([], [f"part {each.run + 1}: {unreadable.get(each.run, each.reason)}" for each in left], ())
        for group in groups:
            film = work / tracks.file_name(len(made.files))
            try:
                made.notes.extend(self._film(group, runs, film))
                length = self._media.duration_ms(film)
            except BadMediaError as error:
                made.notes.append(f"parts {', '.join(str(n + 1) for n in group.runs)}: {error}")
                continue
            made.files.append(RecordedFile(name=film.name, bytes=film.stat().st_size, duration_ms=length))
            made = made if made.tracks else Made(made.files, made.notes, group.tracks)
        if not made.files:
            raise BadMediaError("; ".join(made.notes)[:500])
        return made

    def _film(self, group: tracks.Group, runs: Sequence[Run], film: Path) -> list[str]:
        """Make the MP4 of a group; gives what had to be left out for it."""
        try:
            self._media.remux([runs[n].path for n in group.runs], group.tracks, film)
        except BadMediaError as error:
            _log.warning("run_damaged", extra={"reason": str(error)})
        else:
            return []
        sound: list[Path] = []
        notes: list[str] = []
        for number in group.runs:
            for piece in self._pieces(runs[number], group.tracks):
                if piece.path is not None:
                    sound.append(piece.path)
                else:
                    notes.append(f"part {number + 1}: its segment {piece.segment + 1} is damaged: {piece.reason}")
        if not sound:
            raise BadMediaError("; ".join(notes))
        self._media.remux(sound, group.tracks, film)
        return notes

    def _pieces(self, run: Run, of: Sequence[tracks.Track]) -> Iterator[_Piece]:
        """The longest pieces of a run that FFmpeg takes, found by halving, and the segments that it does not take."""
        open_ = [(0, len(run.ends))]
        while open_:
            first, last = open_.pop()
            path = run.cut(first, last, run.path.with_name(f"{run.path.stem}-{first}-{last}.ts"))
            trial = path.with_suffix(".mp4")
            try:
                self._media.remux([path, path], of, trial)  # twice: as one of several, it goes one step more
            except BadMediaError as error:
                path.unlink()
                if last - first == 1:
                    yield _Piece(None, first, str(error))
                else:
                    middle = (first + last) // 2
                    open_ += [(middle, last), (first, middle)]
            else:
                yield _Piece(path, first, "")
            finally:
                trial.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a run that can be used, or (`path` is None) the number of a segment that can't, and why."""

    path: Path | None
    segment: int
    reason: str
