"""The table, and the same as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .bill import Bill
from .prices import TARGETS
from .stories import finishing, idle_installation, idle_node, stream_hour, watching

_THOUSAND: Final = 1000
_OWN: Final = frozenset(
    {"NODE", "SESSION", "STREAM", "DEST", "TARGET", "REC", "TOKEN", "LIVE_OF", "WANTS", "AIMS", "DELIVERY", "ROOMNAME"}
)
"""Partitions that belong to one node, stream, destination or recording: each has few of the units."""


@dataclass(frozen=True, slots=True)
class Line:
    """A bill, with the name of its target in `TARGETS`; '': there is none."""

    bill: Bill
    target: str = ""

    @property
    def is_met(self) -> bool:
        """Whether it costs no more than it may."""
        return not self.target or self.bill.dollars <= TARGETS[self.target].dollars

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        wanted = TARGETS[self.target].dollars if self.target else None
        units = {name: round(amount, 3) for name, amount in sorted(self.bill.units.items())}
        return {
            "what": self.bill.what, "dollars": round(self.bill.dollars, 4), "at_most": wanted, "met": self.is_met,
            "units": units, "calls": dict(sorted(self.bill.calls.items())),
        }  # fmt: skip


def lines() -> Iterator[Line]:
    """Everything that is priced."""
    for streams, named in ((1, "a node each"), (10, "ten a node")):
        for pushed, words, target in ((False, "", "stream_hours"), (True, ", a push each", "stream_hours_pushed")):
            hour = stream_hour(streams, pushed=pushed)
            yield Line(hour.times(_THOUSAND, f"1,000 stream-hours, {named}{words}"), target)
    for pushed, words in ((False, ""), (True, ", a push each")):
        hour = stream_hour(1, pushed=pushed, segment_s=2)
        yield Line(hour.times(_THOUSAND, f"1,000 stream-hours, 2 s segments, a node each{words}"))
    yield Line(finishing().times(_THOUSAND, "finishing 1,000 recordings of an hour"), "finishing")
    yield Line(idle_node().times(1, "an idle node, a month"), "idle_node")
    yield Line(idle_installation().times(1, "an idle installation, a month"), "idle_installation")
    yield Line(watching().times(1, "its alarms and its dashboard, a month"))


def shared(keys: Counter[tuple[str, str]], seconds: float, most: int = 8) -> list[tuple[str, str, float]]:
    """The partitions that all nodes share with the most units a second: what is done there, where, how much."""
    found = Counter[tuple[str, str]]()
    for (what, pk), units in keys.items():
        name = re.sub(r"#\d{8}#", "#<day>#", pk)
        if name.partition("#")[0] not in _OWN:
            found[what, name] += units
    return [(what, name, units / seconds) for (what, name), units in found.most_common(most)]


def table(found: list[Line]) -> str:
    """In Markdown."""
    rows = ["| What | $ | at most | of it |", "|---|---|---|---|"]
    for line in found:
        most = f"{TARGETS[line.target].dollars:.2f}{'' if line.is_met else ' **missed**'}" if line.target else "-"
        parts = sorted(line.bill.parts().items(), key=lambda part: -part[1])[:5]
        said = ", ".join(f"{name} {price:.2f}" for name, price in parts if price >= 0.005)
        rows.append(f"| {line.bill.what} | {line.bill.dollars:.2f} | {most} | {said} |")
    return "\n".join(rows)
