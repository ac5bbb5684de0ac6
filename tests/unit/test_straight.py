"""Times that step back are made to run on, and sound and picture stay together (R3)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.packets import PACKET
from chalicelib.domain.parameters import Parameters
from chalicelib.domain.straight import Straightened
from tests.unit.edge_agent.test_edge_rules import packet

SECOND = 90_000
PICTURE, SOUND = 256, 257


def straight(units: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Units by elementary stream and time, as they come out."""
    data = bytearray(b"".join(packet(pid, time % 2**33) for pid, time in units))
    Straightened().feed(data)
    return [_unit(bytes(data[at : at + PACKET])) for at in range(0, len(data), PACKET)]


def _unit(data: bytes) -> tuple[int, int]:
    b = data[13:18]
    assert b[0] & 1 == b[2] & 1 == b[4] & 1 == 1, "the markers stay"
    time = (b[0] >> 1 & 7) << 30 | b[1] << 22 | b[2] >> 1 << 15 | b[3] << 7 | b[4] >> 1
    return (data[1] & 0x1F) << 8 | data[2], time


def clip(start: int, seconds: float, sound_late: int = 0) -> list[tuple[int, int]]:
    pictures = [(start + n * 3600, PICTURE) for n in range(int(seconds * 25))]
    sounds = [(start + n * 1920, SOUND) for n in range(int(seconds * 46.875))]
    return [(pid, time) for time, pid in sorted([*pictures, *((t + sound_late, p) for t, p in sounds)])]


@given(
    start=st.integers(0, 2**33 - 1),
    back=st.integers(30_000, 9 * SECOND),
    late=st.integers(0, 10_000),
    cut=st.integers(0, 10),
)
def test_r3_a_step_back_is_gone_and_nothing_moves_against_the_other(start: int, back: int, late: int, cut: int) -> None:
    before, after = clip(start, 3, late), clip(start + 3 * SECOND - back, 3, late)
    came = _interleaved(before, after, cut)
    out = straight(came)
    moved = {}
    for pid, most in ((PICTURE, 3600), (SOUND, 1920)):
        times = [time for found, time in out if found == pid]
        assert all(0 <= _signed(b - a) <= most + late + 12_000 for a, b in pairwise(times))
        moved[pid] = _signed(times[-1] - [time for found, time in came if found == pid][-1])
    assert moved[PICTURE] == moved[SOUND] > 0


def _signed(ticks: int) -> int:
    return (ticks + 2**32) % 2**33 - 2**32


def _interleaved(before: list[tuple[int, int]], after: list[tuple[int, int]], by: int) -> list[tuple[int, int]]:
    """One behind the other; what belongs to the first may follow the beginning of the second, each track in order."""
    mixed = [*before[: len(before) - by], *after[:by], *before[len(before) - by :], *after[by:]]
    rest = {pid: [unit for unit in before + after if unit[0] == pid] for pid in (PICTURE, SOUND)}
    return [rest[pid].pop(0) for pid, _ in mixed]


@given(start=st.integers(0, 2**33 - 1), gap=st.integers(0, 10 * SECOND - 3600))
def test_what_runs_on_or_only_pauses_is_left_as_it_is(start: int, gap: int) -> None:
    units = clip(start, 2) + clip(start + 2 * SECOND + gap, 2)
    assert straight(units) == [(pid, time % 2**33) for pid, time in units]


@given(st.binary(max_size=2000))
def test_garbage_stays_as_it_is_or_does_no_harm(data: bytes) -> None:
    changed = bytearray(data)
    Straightened().feed(changed)
    assert len(changed) == len(data)


@given(st.binary(max_size=2000), st.binary(max_size=170))
def test_garbage_changes_nothing(data: bytes, section: bytes) -> None:
    for pid in (0, 256):
        table = (bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x10, 0]) + section).ljust(PACKET, b"\0")
        found = Parameters()
        found.feed(table + table + data)
        found.done()
        assert found.cuts == []
