"""When the media server's word for a segment's length is taken, and what its ends say of the one before (R3)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from edge.record.lengths import Length, Lengths
from edge.srs.segmentfile import SegmentFile, inspect
from tests.unit.edge_agent.test_edge_rules import packet

FRAME = 3600
SECOND = 90_000


def segment(folder: Path, seq: int, times: Iterable[int], took_s: float = 2.0) -> SegmentFile:
    """A segment that took so long to write."""
    at_ms = 1_000_000_000_000 + seq * 2000
    path = folder / f"s-{seq}-{at_ms}.ts"
    path.write_bytes(b"".join(packet(256, time % 2**33) for time in times))
    written_s = at_ms / 1000 + took_s
    os.utime(path, (written_s, written_s))
    file = inspect(path, "s")
    assert file is not None
    return file


def frames(start: int, count: int) -> list[int]:
    return [start + n * FRAME for n in range(count)]


def lengths(*segments: tuple[SegmentFile | None, int]) -> list[Length]:
    async def run() -> list[Length]:
        known = Lengths()
        return [await known.of("session", file, told_ms) for file, told_ms in segments]

    return asyncio.run(run())


def test_what_is_told_is_believed_while_the_file_agrees(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 0, frames(0, 50)), segment(tmp_path, 1, frames(2 * SECOND, 50))
    assert lengths((first, 2010), (second, 1990), (None, 1700)) == [Length(2010), Length(1990), Length(1700)]


def test_a_clock_that_wraps_runs_on(tmp_path: Path) -> None:
    near = 2**33 - SECOND
    assert lengths(
        (segment(tmp_path, 0, frames(near, 50)), 2000), (segment(tmp_path, 1, frames(near + 2 * SECOND, 50)), 2000)
    ) == [Length(2000), Length(2000)]


def test_a_step_back_behind_the_beginning_is_measured(tmp_path: Path) -> None:
    times = frames(10 * SECOND, 13) + frames(5 * SECOND, 50)  # the media server tells of what came behind the step
    assert lengths((segment(tmp_path, 0, times), 2000)) == [Length(2520, jumps=True)]


def test_a_step_back_within_what_was_there_shows_by_the_time_it_took(tmp_path: Path) -> None:
    times = frames(10 * SECOND, 38) + frames(10 * SECOND + 13 * FRAME, 37)
    told = (37 + 13) * 40
    assert lengths((segment(tmp_path, 0, times, took_s=3.0), told)) == [Length(3000, jumps=True)]


def test_segments_that_do_not_run_on_are_parted(tmp_path: Path) -> None:
    starts = [0, 2, 1, 3, 30, 32]
    files = [segment(tmp_path, n, frames(start * SECOND, 50)) for n, start in enumerate(starts)]
    assert [length.parted for length in lengths(*((f, 2000) for f in files))] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_what_is_no_transport_stream_is_what_was_told(tmp_path: Path) -> None:
    path = tmp_path / "s-0-1000.ts"
    path.write_bytes(b"no media")
    file = inspect(path, "s")
    assert lengths((file, 2000), (file, 0)) == [Length(2000), Length(0)]
    path.unlink()
    assert lengths((file, 2000)) == [Length(2000)]
