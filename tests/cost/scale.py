"""Ten thousand edges and a hundred thousand streams: an hour of some of them over the real services, times the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from .bill import CALL_MS, HANDLER_MS, Bill
from .meter import Meter, total
from .node import POLLS_AN_HOUR, SYNCS_AN_HOUR, Node
from .report import shared
from .stories import announced, destination
from .world import World

EDGES: Final = 10_000
STREAMS: Final = 100_000
SAMPLE_EDGES: Final = 20
SAMPLE_SYNCS: Final = 6
"""So many of an hour's syncs are made; the others cost the same."""
WRITES_A_PARTITION: Final = 1000
READS_A_PARTITION: Final = 3000
"""Units a second of one partition (DynamoDB, 'Designing partition keys to distribute your workload')."""


@dataclass
class Phase:
    """A part of the hour: what the functions asked, how often they ran, how long they took together."""

    name: str
    spent: dict[str, Meter]
    runs: Counter[str]
    factor: float

    @property
    def bill(self) -> Bill:
        """What it costs at full size."""
        bill = Bill(self.name)
        for function, meter in self.spent.items():
            bill.ran(function, self.runs[function], meter)
        return bill.times(self.factor)

    @property
    def busy_s(self) -> float:
        """Seconds that functions run, at full size."""
        calls = sum(sum(meter.calls.values()) for meter in self.spent.values())
        return (sum(self.runs.values()) * HANDLER_MS + calls * CALL_MS) / 1000 * self.factor

    @property
    def keys(self) -> Counter[tuple[str, str]]:
        """Units by partition, at full size."""
        found = total(self.spent.values()).keys
        return Counter({key: units * self.factor for key, units in found.items()})


def hour() -> list[Phase]:
    """All streams begin, go on for an hour, and end."""
    world = World()
    nodes = [Node(world, f"{i:032x}") for i in range(SAMPLE_EDGES)]
    names = {node.id: [f"{node.id}-{i}" for i in range(STREAMS // EDGES)] for node in nodes}
    for name in (n for each in names.values() for n in each):
        destination(world, name)
    world.wiring.pushes.wanting.rebuild()
    world.follow()
    for node in nodes:
        node.sync(want_credentials=True)
    factor = EDGES / SAMPLE_EDGES
    world.begin()
    sessions = {node.id: [node.go_live(name) for name in names[node.id]] for node in nodes}
    begins = Phase("begin", world.spent, world.runs, factor)
    world.begin()
    world.later += timedelta(minutes=5)
    for _ in range(SAMPLE_SYNCS):
        world.later += timedelta(minutes=60 / SAMPLE_SYNCS - 1)
        for node in nodes:
            node.sync()
    syncs = Phase("syncs", world.spent, world.runs, factor * SYNCS_AN_HOUR / SAMPLE_SYNCS)
    world.begin()
    for node in nodes:
        for session in sessions[node.id]:
            node.end(session)
            announced(world)
    return [begins, syncs, Phase("end", world.spent, world.runs, factor)]


def written(phases: list[Phase]) -> str:
    """The tables, in Markdown."""
    begins, syncs, ends = phases
    both = Counter(begins.keys) + Counter(ends.keys) + Counter(syncs.keys)
    rows = ["| What | runs a second | running at once | $ an hour |", "|---|---|---|---|"]
    for phase in phases:
        rate = sum(phase.runs.values()) * phase.factor / 3600
        rows.append(f"| {phase.name} | {rate:,.0f} | {phase.busy_s / 3600:,.1f} | {phase.bill.dollars:,.2f} |")
    outside = Bill("agents")
    outside.add(s3_put=STREAMS * 361)
    outside.units["sqs"] += EDGES * POLLS_AN_HOUR
    rows.append(f"| the agents' PUTs and polls | {STREAMS * 361 / 3600:,.0f} | | {outside.dollars:,.2f} |")
    rows += ["", "| Partition | | units a second, over the hour | of what one takes | all begin within 5 minutes |"]
    rows.append("|---|---|---|---|---|")
    burst = Counter({(what, name): rate for what, name, rate in shared(Counter(begins.keys), 300, 40)})
    for what, name, rate in shared(both, 3600):
        most = WRITES_A_PARTITION if what == "write" else READS_A_PARTITION
        rows.append(f"| `{name}` | {what} | {rate:,.0f} | {rate / most:.0%} | {burst[what, name]:,.0f} |")
    return "\n".join(rows)
