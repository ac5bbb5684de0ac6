"""The agent's small pure rules."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base.clock import Backoff
from edge.callbacks.callback import accepts
from edge.record.janitor import to_delete
from edge.record.stores.s3 import store_error
from edge.srs.segmentfile import SegmentFile, playlist_durations_ms, position_of, something_missing, to_adopt
from edge.srs.timestamps import measure, ts_duration_ms

FILES = st.lists(
    st.builds(
        lambda at, seq, inode: SegmentFile(f"/h/s-{seq}-{at}.ts", inode, at, 1, (at, seq)),
        st.integers(0, 50),
        st.integers(0, 20),
        st.integers(0, 1000),
    ),
    unique_by=lambda f: f.path,
)


@given(
    files=FILES, known=st.sets(st.integers(0, 50)), last=st.none() | st.tuples(st.integers(0, 50), st.integers(0, 20))
)
def test_adoption_is_ordered_complete_and_never_twice(
    files: list[SegmentFile], known: set[int], last: tuple[int, int] | None
) -> None:
    taken = {f.id for f in files if f.mtime_ns in known}
    found = to_adopt(files, taken, last, since_ms=10, before_ms=40)
    assert [f.position for f in found] == sorted(f.position for f in found if f.position)
    expected = {
        f.path
        for f in files
        if f.id not in taken
        and f.position
        and f.position[0] < 40
        and (f.position > last if last else f.position[0] >= 10)
    }
    assert {f.path for f in found} == expected
    assert to_adopt(files, taken | {f.id for f in found}, last, 10, 40) == []


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("s-3-1700.ts", (1700, 3)),
        ("s-3-1700.ts.tmp", None),
        ("s-x-3-1700.ts", None),
        ("s-3.ts", None),
        ("-1-2.ts", None),
    ],
)
def test_the_position_in_a_name(name: str, position: tuple[int, int] | None) -> None:
    assert position_of("s", name) == position


def test_a_stream_name_may_look_like_a_position() -> None:
    assert position_of("s-1-2", "s-1-2-3-4.ts") == (4, 3)
    assert position_of("s", "s-1-2-3-4.ts") is None


def test_a_sequence_that_restarts_is_no_gap() -> None:
    assert something_missing((1, 5), (2, 7))
    assert not something_missing((1, 5), (2, 6))
    assert not something_missing((1, 5), (2, 0))
    assert not something_missing(None, (2, 9))


def test_durations_of_a_playlist() -> None:
    text = "#EXTM3U\n#EXTINF:2.5, x\r\na-0-1.ts?t=1\n#EXTINF:1\n#EXT-X-DISCONTINUITY\nlive/a-1-2.ts\nstray.ts\n"
    assert playlist_durations_ms(text) == {"a-0-1.ts": 2500, "a-1-2.ts": 1000}


def packet(pid: int, pts: int) -> bytes:
    stamp = bytes(
        [
            0x21 | (pts >> 29 & 0x0E),
            pts >> 22 & 0xFF,
            0x01 | (pts >> 14 & 0xFE),
            pts >> 7 & 0xFF,
            0x01 | (pts << 1 & 0xFE),
        ]
    )
    pes = b"\x00\x00\x01\xe0\x00\x00\x80\x80\x05" + stamp
    return (bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x10]) + pes).ljust(188, b"\xff")


@given(start=st.integers(0, 2**33 - 1), frames=st.integers(2, 100), step=st.sampled_from([3000, 3600, 3754]))
def test_the_duration_from_time_stamps(start: int, frames: int, step: int) -> None:
    data = b"".join(packet(256, (start + n * step) % 2**33) for n in range(frames))
    duration = ts_duration_ms(data)
    assert duration is not None
    assert abs(duration - frames * step / 90) <= frames / (frames - 1) + 1


@given(
    start=st.integers(0, 2**33 - 1),
    jump=st.one_of(st.integers(-(2**31), -90_000), st.integers(90_000 * 11, 2**31)),
    before=st.integers(2, 50),
    after=st.integers(2, 50),
)
def test_r3_a_jump_ahead_or_back_is_no_media(start: int, jump: int, before: int, after: int) -> None:
    times = [start + n * 3600 for n in range(before)] + [start + jump + (before + n) * 3600 for n in range(after)]
    found = measure(b"".join(packet(256, time % 2**33) for time in times))
    assert found is not None
    assert found.jumps
    assert abs(found.duration_ms - (before + after) * 40) <= 1


@given(st.binary(max_size=2000))
def test_garbage_has_no_duration_but_does_no_harm(data: bytes) -> None:
    duration = ts_duration_ms(data)
    assert duration is None or duration >= 0


@pytest.mark.parametrize(
    ("status", "body", "yes"),
    [(200, b"0", True), (200, b'{"code":0}', True), (200, b"{}", True), (200, b'{"code":"0"}', False),
     (200, b'{"code":1}', False), (200, b'{"code":false}', False), (200, b"", False), (200, b"0\n", False),
     (201, b"0", False), (302, b"0", False), (500, b"0", False), (200, b"[" * 9999, False)],
)  # fmt: skip
def test_what_a_callback_answers(status: int, body: bytes, yes: bool) -> None:
    assert accepts(status, body) is yes


def test_only_taken_old_and_unlisted_files_are_deleted() -> None:
    def f(name: str) -> tuple[str, int, int]:
        return (f"/h/{name}", 1, 1)

    files = [
        (f("old"), 200.0, 0.0),
        (f("listed"), 200.0, 200.0),
        (f("young"), 100.0, 100.0),
        (f("unknown"), 200.0, 200.0),
        (f("stray"), 90_000.0, 90_000.0),
        (f("of a clock that was set right"), 90_000.0, 15.0),
    ]
    known = {f("old"), f("listed"), f("young")}
    assert [Path(p).name for p, _, _ in to_delete(files, known, {"listed"}, 60.0)] == ["old", "stray"]


@given(st.integers(1, 40), st.integers())
def test_back_off_is_bounded(failures: int, seed: int) -> None:
    backoff = Backoff(0.5, 30.0, random.Random(seed))
    delays = [backoff.next() for _ in range(failures)]
    assert all(0 <= d <= min(30.0, 0.5 * 2**n) for n, d in enumerate(delays))


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [(403, "ExpiredToken", "StoreExpiredError", True), (400, "ExpiredToken", "StoreExpiredError", True),
     (503, "SlowDown", "StoreError", True), (400, "BadDigest", "StoreError", True),
     (400, "EntityTooLarge", "StoreError", False), (404, "NoSuchBucket", "StoreError", True)],
)  # fmt: skip
def test_errors_of_the_store(status: int, code: str, kind: str, retryable: bool) -> None:
    error = store_error(status, f"<Error><Code>{code}</Code></Error>".encode())
    assert (type(error).__name__, error.retryable) == (kind, retryable)
