"""What a whole agent in a made-up world kept, as the tests of faults look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.fake_servers import sha256_of

BASE = 9_000_000_000_000
"""Later than any session: what begins then is no leftover of an earlier one."""


def rows(w: World, query: str) -> list[Any]:
    return w.agent.spool.run(lambda db: db.execute(query).fetchall())


def links(w: World) -> list[Path]:
    return sorted((w.settings.agent_dir / "segments").glob("*/*.ts"))


async def manifest(w: World) -> dict[str, Any]:
    found: dict[str, Any] = await until(lambda: next(iter(w.store.manifests().values()), None), 30)
    return found


async def stored(w: World, m: dict[str, Any]) -> list[str]:
    """The names of the segments of a manifest; each as its hash says."""
    assert all(sha256_of(w.store.objects[s["key"]]) == s["sha256"] for s in m["segments"])
    return [w.store.objects[s["key"]].rpartition(b"x")[2].decode() for s in m["segments"]]
