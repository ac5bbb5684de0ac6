"""Each file of the spool damaged under links that wait for the store: what a start finds is recovered or reported, and
no link is left over. Some places of each file as a rule, `SLUICE_SPOOL_DAMAGES` on request (`make faults`: 300 flips,
and a third as many cuts).
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.fake_servers import sha256_of
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE, links, rows
from .report import report, take_time

FLIPS = int(os.environ.get("SLUICE_SPOOL_DAMAGES", "2"))
CUTS = -(-FLIPS // 3)
FILES = ["spool.sqlite3", "spool.sqlite3-wal", "spool.mark"]
ROOM_FROM = 60_000
"""What lies behind is mostly room for a full disk: half of the places are before it."""
SEGMENTS = 3


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << at % 8
    file.write_bytes(data)


def cut(file: Path, at: int) -> None:
    with file.open("r+b") as opened:
        opened.truncate(at)


@dataclass(frozen=True)
class Crashed:
    """An agent's folder as a kill leaves it, and what its cloud had heard by then."""

    folder: Path
    events: list[dict[str, Any]]
    hashes: list[str]

    def put_back(self, w: World) -> None:
        """The folder, with the very same links; the rest of the world as it was."""
        shutil.rmtree(w.settings.agent_dir)
        shutil.copytree(self.folder, w.settings.agent_dir, copy_function=_linked)
        w.cloud.events[:] = self.events
        w.store.objects.clear()
        w.store.fail = []


def _linked(source: str, target: str) -> None:
    os.link(source, target) if source.endswith(".ts") else shutil.copy2(source, target)


async def crashed(w: World, folder: Path) -> Crashed:
    session = await go_live(w)
    await until(lambda: w.cloud.of_kind("session.live", session))
    w.store.fail = [(503, "SlowDown")] * 100_000
    files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(SEGMENTS)]
    for file in files:
        assert (await w.hls_hook("c1", "s", file)).body == b"0"
    await leave(w)
    shutil.copytree(w.settings.agent_dir, folder, copy_function=_linked, ignore=shutil.ignore_patterns("*.sock"))
    found = Crashed(folder, list(w.cloud.events), sorted(sha256_of(f.read_bytes()) for f in files))
    await abandon(w.agent)
    return found


def stored(w: World) -> list[str]:
    return sorted(sha256_of(body) for key, body in w.store.objects.items() if key.endswith(".ts"))


def listed(w: World) -> list[str]:
    return sorted({s["sha256"] for m in w.store.manifests().values() for s in m["segments"]})


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("damage", "times"), [(flip, FLIPS), (cut, CUTS)])
def test_whatever_became_of_a_file_of_the_spool_no_link_is_left_over(
    tmp_path: Path, name: str, damage: Callable[[Path, int], None], times: int
) -> None:
    take_time()
    seed = random.randrange(10**9)
    rng, said = random.Random(seed), Counter[bool]()

    async def story(w: World) -> None:
        before = await crashed(w, tmp_path / "crashed")
        size = (before.folder / name).stat().st_size
        for _ in range(times):
            at = rng.randrange(min(size, ROOM_FROM)) if rng.random() < 0.5 else rng.randrange(size)
            before.put_back(w)
            damage(w.settings.agent_dir / name, at)
            await w.launch()
            said[w.agent.spool.was_damaged] += 1
            try:
                await until(lambda: listed(w) == before.hashes and not links(w), 60)
            except TimeoutError:
                found = (len(stored(w)), len(listed(w)), links(w), rows(w, "SELECT state FROM segments"))
                pytest.fail(f"seed {seed}, {damage.__name__} at {at} of {name}: {found}")
            assert stored(w) == before.hashes, f"seed {seed}, at {at}: each once"
            await abandon(w.agent)
        await w.launch()

    tell(tmp_path, story)
    report(f"{damage.__name__}s in {name}", tried=times, reported=said[True], links_left=0)
