"""The simulation over many seeds: 30 as a rule, `SLUICE_SIM_SEEDS` on request (`make faults`). A seed that fails is
printed with the command that tells its story again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from .report import report, take_time

SEEDS = int(os.environ.get("SLUICE_SIM_SEEDS", "30"))
FIRST = int(os.environ.get("SLUICE_SIM_FIRST", "1"))
NODES = int(os.environ.get("SLUICE_SIM_NODES", "16"))
WORKERS = 2


def told(world: str, first: int, count: int) -> list[dict[str, Any]]:
    """What came of so many seeds."""
    each = -(-count // WORKERS)
    parts = [(begin, min(begin + each, first + count) - 1) for begin in range(first, first + count, each)]
    command = [sys.executable, "-m", "tests.faults.simulation", "--world", world, "--seeds"]
    env = os.environ | {"PYTHONHASHSEED": "0"}
    runs = [
        subprocess.Popen([*command, f"{a}-{b}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
        for a, b in parts
    ]
    found: list[dict[str, Any]] = []
    for run in runs:
        out, err = run.communicate()
        lines = [json.loads(line) for line in out.splitlines() if line.startswith('{"seed"')]
        assert run.returncode in {0, 1}, err[-3000:]
        found += lines
    assert len(found) == count
    return found


def check(world: str, outcomes: list[dict[str, Any]]) -> None:
    bad = [o for o in outcomes if o["violations"]]
    for outcome in bad:
        command = f"python -m tests.faults.simulation --world {world} --seeds {outcome['seed']} --trace"
        print(f"{command}\n  {outcome['violations']}")
    assert bad == [], f"seeds {[o['seed'] for o in bad]}"


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_wherever_it_is_killed() -> None:
    take_time()
    began = time.monotonic()
    outcomes = told("edge", FIRST, SEEDS)
    places: Counter[str] = Counter()
    for outcome in outcomes:
        places.update({place.partition(":")[0]: n for place, n in outcome["kills"].items()})
    report(
        "simulation of an edge and its cloud", seeds=SEEDS, kills=places.total(), places=dict(places.most_common()),
        segments=sum(o["segments"] for o in outcomes), acknowledged=sum(o["acked"] for o in outcomes),
        cloud_deaths=sum(o["cloud_deaths"] for o in outcomes), restores=sum(o["restores"] for o in outcomes),
        violations=sum(len(o["violations"]) for o in outcomes), seconds=round(time.monotonic() - began),
    )  # fmt: skip
    check("edge", outcomes)
    assert places.total() > 5 * SEEDS


def test_a_seed_tells_the_same_story_twice() -> None:
    (one,), (two,) = told("edge", 11, 1), told("edge", 11, 1)
    assert one == two


@pytest.mark.slow
def test_two_cut_off_nodes_never_push_one_target_at_once() -> None:
    take_time()
    began = time.monotonic()
    outcomes = told("nodes", FIRST, NODES)
    report(
        "two nodes and one target", seeds=NODES, pushes=sum(o["pushes"] for o in outcomes),
        freed=sum(o["freed"] for o in outcomes), kills=sum(sum(o["kills"].values()) for o in outcomes),
        violations=sum(len(o["violations"]) for o in outcomes), seconds=round(time.monotonic() - began),
    )  # fmt: skip
    check("nodes", outcomes)
    assert sum(o["pushes"] for o in outcomes) > NODES
