"""Pictures and numbers of what is live: when they are made, what of them is kept, and what a gap is."""

from __future__ import annotations

import asyncio
import functools
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.live import NO_PICTURE, ThumbnailQuestion
from chalicelib.wire.names import StreamName
from edge.base.clock import SystemClock, new_ulid
from edge.sessions.book import SessionBook
from edge.spool.session import Session
from edge.srs.api import LiveStream, Look
from edge.watching.history import KEEP, MOST, Counter, Numbers, Series, Sight
from edge.watching.thumbnails import FRESH_S, NoPictureError, Thumbnails, argv

JPEG = b"\xff\xd8picture"
NOW = 1_800_000_000.0


def played(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(story)
    def test(*given: Any, **named: Any) -> None:
        asyncio.run(story(*given, **named))  # type: ignore[arg-type]

    return test


class Clock(SystemClock):
    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed


class World:
    """A node with one live stream of a name in any script, and an FFmpeg that keeps count."""

    def __init__(self, folder: Path) -> None:
        self.hls, self.runs, self.ffmpeg = folder / "hls", folder / "runs", folder / "ffmpeg"
        (self.hls / "live").mkdir(parents=True)
        self.runs.write_text("")
        self.says("printf '\\377\\330picture'")
        self.session = Session(new_ulid(), StreamName(app="live", stream="晚会"), "s", "c", datetime.now(UTC))
        self.session.state = "live"
        self.book, self.clock, self.look = SessionBook(), Clock(), Look(up=True)
        self.book.restore([self.session])
        self.thumbnails = Thumbnails(str(self.ffmpeg), self.hls, self.book, lambda: self.look, self.clock)

    def says(self, line: str) -> None:
        self.ffmpeg.write_text(f"#!/bin/sh\necho run >> {self.runs}\n{line}\n")
        self.ffmpeg.chmod(self.ffmpeg.stat().st_mode | stat.S_IXUSR)

    def segment(self, number: int, at: float | None = None) -> None:
        at = datetime.now(UTC).timestamp() if at is None else at
        (self.hls / "live" / f"晚会-{number}-{round(at * 1000)}.ts").write_bytes(b"x")

    @property
    def made(self) -> int:
        return len(self.runs.read_text().splitlines())

    async def get(self) -> bytes:
        return await self.thumbnails.get(self.session.id)

    async def why(self) -> str:
        with pytest.raises(NoPictureError) as error:
            await self.get()
        return error.value.code


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@played
async def test_a_picture_is_made_once_in_ten_seconds_however_many_look(world: World) -> None:
    world.segment(1)
    assert world.made == 0
    assert set(await asyncio.gather(*(world.get() for _ in range(20)))) == {JPEG}
    world.segment(2)
    world.clock.passed = FRESH_S - 1
    assert await world.get() == JPEG
    assert world.made == 1
    world.clock.passed = FRESH_S + 1
    assert await world.get() == JPEG
    assert world.made == 2


@played
async def test_the_same_segment_is_not_looked_into_twice(world: World) -> None:
    world.segment(1)
    for passed in (0.0, 10.0, 20.0):
        world.clock.passed = passed
        assert await world.get() == JPEG
    assert world.made == 1


@played
async def test_why_there_is_no_picture(world: World) -> None:
    assert await world.why() == "no_picture_yet"
    world.segment(0, world.session.opened_at.timestamp() - 60)
    assert await world.why() == "no_picture_yet", "of an earlier publish"
    heard = LiveStream("live/晚会", "c", audio="AAC")
    world.look = replace(world.look, streams={"live/晚会": heard})
    assert await world.why() == "no_video"
    world.session.state = "ended"
    assert await world.why() == "not_live"
    with pytest.raises(NoPictureError):
        await world.thumbnails.get("../../etc")


@played
async def test_what_can_not_be_shown_is_not_tried_again_at_once(world: World) -> None:
    world.says("echo no picture; exit 1")
    world.segment(1)
    assert [await world.why() for _ in range(5)] == ["picture_failed"] * 5
    assert world.made == 1


@played
async def test_the_last_picture_stays_when_another_one_fails(world: World) -> None:
    world.segment(1)
    assert await world.get() == JPEG
    world.says("exit 1")
    world.segment(2)
    world.clock.passed = 10
    assert await world.get() == JPEG


@played
async def test_an_ffmpeg_that_is_not_there_is_no_crash(world: World) -> None:
    world.segment(1)
    world.ffmpeg.unlink()
    assert await world.why() == "picture_failed"


@played
async def test_a_question_is_answered_with_the_picture_or_why_not(world: World) -> None:
    question = ThumbnailQuestion(session=world.session.id)
    assert (await world.thumbnails.answer(question))["why"] in NO_PICTURE
    world.segment(1)
    assert (await world.thumbnails.answer(question))["jpeg"] == "/9hwaWN0dXJl"


def test_ffmpeg_opens_one_file_and_nothing_that_it_names() -> None:
    made = argv("ffmpeg", "/x/a.ts")
    assert made[made.index("-i") + 1] == "file:/x/a.ts"
    assert made[made.index("-protocol_whitelist") + 1] == "file"
    assert made[made.index("-format_whitelist") + 1] == "mpegts"


def feed(counter: Counter, looks: list[tuple[float, int]]) -> list[Any]:
    return [counter.take(received, at) for at, received in looks]


@given(st.floats(0.3, 1.4), st.integers(1, 10_000))
def test_a_count_that_moves_each_three_seconds_gives_its_true_rate(pause: float, kbps: int) -> None:
    counter = Counter(3.0)
    at = 0.0
    while at < 40:
        counter.take(int(at // 3) * 3 * kbps * 125, at)
        at += pause
    assert counter.kbps(at) == pytest.approx(kbps, rel=0.02)


def test_a_count_that_stands_still_is_no_bitrate_and_one_that_goes_back_is_another() -> None:
    counter = Counter(3.0)
    feed(counter, [(0, 0), (3, 375_000), (6, 750_000), (9, 1_125_000)])
    assert counter.kbps(9) == 1000
    assert feed(counter, [(12, 1_125_000), (17, 1_125_000)])[1].kbits == 0
    assert counter.take(10, 18) is None
    assert counter.kbps(18) is None


def test_a_long_silence_is_a_gap() -> None:
    counter = Counter(0.0)
    assert feed(counter, [(0, 0), (2, 250_000), (60, 9_000_000)])[2] is None
    assert counter.kbps(60) is None


def test_steps_that_nothing_is_known_of_are_missing() -> None:
    series = Series(10, 6)
    series.add(NOW, 3, 3000, 2)
    series.add(NOW + 3, 3, 6000, 5)
    series.add(NOW + 30, 0, None, 1)
    found = series.points(NOW + 30)
    assert [(p.at - NOW, p.kbps, p.viewers) for p in found] == [(0, 1500, 5), (30, None, 1)]
    assert [p.at - NOW for p in series.points(NOW + 60)] == [30]


@given(st.lists(st.floats(0, 10**6), max_size=50))
def test_a_series_is_bounded_and_in_order(times: list[float]) -> None:
    series = Series(10, 6)
    for at in sorted(times):
        series.add(NOW + at, 1, 1, 1)
    found = [p.at for p in series.points(NOW + max(times, default=0))]
    assert found == sorted(set(found))
    assert len(found) <= 6


def test_so_many_sessions_are_kept_and_those_that_are_over_go_first() -> None:
    numbers = Numbers(0.0)
    numbers.take([Sight("on", 0, 1)], NOW, 0)
    for n in range(MOST + 5):
        numbers.take([Sight("on", n, 1), Sight(str(n), 0, 0)], NOW + n, n)
    assert numbers.history("on", 10, NOW + MOST).points
    assert numbers.history("0", 10, NOW + MOST).points == []
    assert numbers.history(str(MOST), 60, NOW + MOST).points
    assert set(KEEP) == {10, 60}
