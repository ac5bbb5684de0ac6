"""What becomes of runs of which FFmpeg takes only pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.errors import BadMediaError
from chalicelib.domain.tracks import Track
from chalicelib.services.recordings.films import Films, Made
from chalicelib.services.recordings.run import Run
from tests.fakes import FakeMedia


class Choosy(FakeMedia):
    """FFmpeg that takes no run with a damaged segment (one with an x)."""

    def remux(self, runs: Sequence[Path], tracks: Sequence[Track], target: Path) -> None:
        if any(b"x" in run.read_bytes() for run in runs):
            raise BadMediaError("FFmpeg failed (1): no")
        super().remux(runs, tracks, target)


def made(work: Path, *runs: Sequence[bytes]) -> Made:
    found = []
    for number, segments in enumerate(runs):
        path = work / f"run{number}.ts"
        path.write_bytes(b"".join(segments))
        found.append(Run(path, tuple(sum(map(len, segments[: n + 1])) for n in range(len(segments)))))
    return Films(Choosy()).make(found, work)


def media(work: Path) -> bytes:
    """What the MP4 holds, joined."""
    return (work / "index.mp4").read_bytes().removeprefix(b"mp4:").replace(b"|", b"")


segment = st.one_of(st.from_regex(rb"[a-w]{0,4}", fullmatch=True), st.just(b"x"))


@given(st.lists(st.lists(segment, min_size=1, max_size=9), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_all_but_the_damaged_segments_is_in_the_film(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[bytes]]
) -> None:
    work = tmp_path_factory.mktemp("work")
    sound = [s for run in runs for s in run if s != b"x"]
    if not sound:
        with pytest.raises(BadMediaError, match="segment 1 is damaged"):
            made(work, *runs)
        return
    found = made(work, *runs)
    assert media(work) == b"".join(sound)
    damaged = [(r + 1, n + 1) for r, run in enumerate(runs) for n, s in enumerate(run) if s == b"x"]
    assert found.notes == [f"part {r}: its segment {n} is damaged: FFmpeg failed (1): no" for r, n in damaged]


def test_a_sound_film_is_made_of_whole_runs(tmp_path: Path) -> None:
    made(tmp_path, [b"ab", b"c"], [b"d"])
    assert (tmp_path / "index.mp4").read_bytes() == b"mp4:abc|d"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.mp4", "run0.ts", "run1.ts"]
