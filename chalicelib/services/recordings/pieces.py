"""Cuts a run where its parameters change while it goes on: one publish may bring another size or sample rate."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from chalicelib.domain.packets import PACKET
from chalicelib.domain.parameters import Cut, Parameters
from chalicelib.services.recordings.run import Run

_BLOCK: Final = 5000 * PACKET


def cut(run: Run) -> list[Run]:
    """The pieces of a run, in its folder; the run itself where nothing changes."""
    found = Parameters()
    with run.path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.feed(block)
        found.done()
    return _written(run, found.cuts, found.tables) if found.cuts else [run]


def _written(run: Run, cuts: list[Cut], tables: int) -> list[Run]:
    paths = [run.path.with_name(f"{run.path.stem}-piece{n}.ts") for n in range(len(cuts) + 1)]
    ends: list[list[int]] = [[] for _ in paths]
    heads: dict[int, bytes] = {}
    with ExitStack() as stack:
        source = stack.enter_context(run.path.open("rb"))
        files = [stack.enter_context(path.open("wb")) for path in paths]
        segment, offset = 0, 0
        while packet := source.read(PACKET):
            if segment < len(run.ends) and offset >= run.ends[segment]:
                for number, file in enumerate(files):
                    ends[number].append(file.tell())
                segment += 1
            pid = (packet[1] & 0x1F) << 8 | packet[2] if len(packet) > 2 else -1
            if pid in (0, tables):
                heads[pid] = packet
            number = _piece_of(cuts, pid, offset)
            if not files[number].tell():
                for head in (heads.get(0, b""), heads.get(tables, b"")):
                    files[number].write(head if head is not packet else b"")
            files[number].write(packet)
            offset += len(packet)
        for number, file in enumerate(files):
            ends[number].append(file.tell())
    return [Run(path, tuple(sorted(set(sizes) - {0}))) for path, sizes in zip(paths, ends, strict=True) if sizes[-1]]


def _piece_of(cuts: list[Cut], pid: int, offset: int) -> int:
    return sum(1 for each in cuts if offset >= each.own.get(pid, each.at))
