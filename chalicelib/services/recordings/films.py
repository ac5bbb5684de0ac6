"""The MP4s of a recording. What can't be used, a track, a run or a damaged segment, is left out and named; it loses
nothing else. What says nothing of the media (no room, FFmpeg killed) is no reason to leave anything out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain import tracks
from chalicelib.domain.errors import BadMediaError, Why
from chalicelib.domain.model.recordings import RecordedFile
from chalicelib.domain.packets import PACKET
from chalicelib.domain.straight import Straightened
from chalicelib.ports.media import Media
from chalicelib.services.recordings.pieces import cut
from chalicelib.services.recordings.run import Run

_log = Logger(child=True)
_COPY_PACKETS: Final = 5000
_MOST_SAID: Final = 200
"""So many characters of what FFmpeg said are told."""
_SAME, _SAME_MS = 0.01, 150
"""A film may be so much longer or shorter than what was measured of its segments, and by so many ms in any case."""


@dataclass(frozen=True, slots=True)
class Made:
    """The MP4s in order, what is in none of them, and the tracks of the first."""

    files: list[RecordedFile]
    left: list[Why]
    tracks: tuple[tracks.Track, ...]

    @property
    def notes(self) -> list[str]:
        """What is left out, in words."""
        return [each.words for each in self.left]


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
        runs = [piece for run in runs for piece in cut(run)]
        seen: list[list[tracks.Track]] = []
        unreadable: dict[int, str] = {}
        for number, run in enumerate(runs):
            try:
                seen.append(self._media.tracks(run.path))
            except BadMediaError as error:
                seen.append([])
                unreadable[number] = str(error)
        groups, left = tracks.grouped(seen)
        made = Made([], [_left_out(each, unreadable.get(each.run)) for each in left], ())
        for group in groups:
            film = work / tracks.file_name(len(made.files))
            try:
                damaged = self._film(group, runs, film)
                made.left.extend(damaged)
                length = self._media.duration_ms(film) if damaged else self._right_length(group, runs, film)
            except BadMediaError as error:
                parts = ", ".join(str(n + 1) for n in group.runs)
                named: dict[str, str | int] = {"parts": parts, "said": str(error)[:_MOST_SAID]}
                made.left.append(Why(f"parts {parts}: {error}", "parts_not_joined", named))
                continue
            made.files.append(RecordedFile(name=film.name, bytes=film.stat().st_size, duration_ms=length))
            made = made if made.tracks else Made(made.files, made.left, group.tracks)
        if not made.files:
            raise BadMediaError("; ".join(made.notes)[:500])
        return made

    def _film(self, group: tracks.Group, runs: Sequence[Run], film: Path) -> list[Why]:
        """Make the MP4 of a group; gives what had to be left out for it."""
        try:
            self._media.remux([runs[n].path for n in group.runs], group.tracks, film)
        except BadMediaError as error:
            _log.warning("run_damaged", extra={"reason": str(error)})
        else:
            return []
        sound: list[Path] = []
        damaged: list[Why] = []
        for number in group.runs:
            for piece in self._pieces(runs[number], group.tracks):
                if piece.path is not None:
                    sound.append(piece.path)
                else:
                    damaged.append(_damaged(number + 1, piece))
        if not sound:
            raise BadMediaError("; ".join(each.words for each in damaged))
        self._media.remux(sound, group.tracks, film)
        return damaged

    def _right_length(self, group: tracks.Group, runs: Sequence[Run], film: Path) -> int:
        """The length of a film. Where it is not what its segments hold, their times step back somewhere, and it is made
        again of runs whose times were straightened.
        """
        length = self._media.duration_ms(film)
        mine = [runs[n] for n in group.runs]
        held = sum(run.duration_ms for run in mine)
        if not all(run.duration_ms for run in mine) or abs(length - held) <= max(held * _SAME, _SAME_MS):
            return length
        for run in mine:
            _straighten(run.path)
        again = film.with_name(f"{film.stem}-again.mp4")
        try:
            self._media.remux([run.path for run in mine], group.tracks, again)
            new = self._media.duration_ms(again)
        except BadMediaError as error:
            _log.warning("straightening_failed", extra={"reason": str(error)})
        else:
            if abs(new - held) < abs(length - held):
                _log.info("run_straightened", extra={"was_ms": length, "is_ms": new, "held_ms": held})
                again.replace(film)
                return new
        again.unlink(missing_ok=True)
        return length

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


def _left_out(left: tracks.LeftOut, unreadable: str | None) -> Why:
    """Why a run, or a track of it, is in no MP4. `unreadable`: what FFmpeg said of the run, where it can't read it."""
    part = left.run + 1
    if unreadable is None:
        return Why(f"part {part}: {left.reason}", left.code, {"part": part, **left.params})
    return Why(f"part {part}: {unreadable}", "part_unreadable", {"part": part, "said": unreadable[:_MOST_SAID]})


def _damaged(part: int, piece: _Piece) -> Why:
    segment = piece.segment + 1
    words = f"part {part}: its segment {segment} is damaged: {piece.reason}"
    return Why(words, "segment_damaged", {"part": part, "segment": segment, "said": piece.reason[:_MOST_SAID]})


def _straighten(path: Path) -> None:
    """Make the times of a run run on, in its place."""
    straightened = Straightened()
    with path.open("r+b") as file:
        while block := bytearray(file.read(_COPY_PACKETS * PACKET)):
            straightened.feed(block)
            file.seek(-len(block), os.SEEK_CUR)
            file.write(block)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a run that can be used, or (`path` is None) the number of a segment that can't, and why."""

    path: Path | None
    segment: int
    reason: str
