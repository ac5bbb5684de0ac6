"""Counts calls of AWS, and the capacity units of those of DynamoDB.

Units: 'DynamoDB read and write operations' and 'Item sizes and formats' of the developer guide. A strongly consistent
read of 4 KB is 1, an eventual one half; a write of 1 KB is 1, in a transaction 2; an item of the index is written once
more there, twice when its key in the index changes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]
_KEYS = ("gsi1pk", "gsi1sk")


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "M":
        return 3 + sum(1 + len(k.encode()) + _value_size(v) for k, v in content.items())
    return 3 + sum(1 + _value_size(v) for v in content) if kind == "L" else 1


def item_size(item: Item) -> int:
    """Bytes of an item, names of attributes included."""
    return sum(len(k.encode()) + _value_size(v) for k, v in item.items())


def reads(size: int) -> int:
    """Units of a strongly consistent read of so many bytes."""
    return max(1, math.ceil(size / 4096))


def writes(old: Item | None, new: Item | None, *, transaction: bool) -> int:
    """Units of a write that replaces `old` by `new`; None: there is none."""
    units = max(_units(old), _units(new), 1)
    return units * (2 if transaction else 1) + sum(index_writes(old, new).values())


def index_writes(old: Item | None, new: Item | None) -> Counter[str]:
    """The part of it that falls on the index, by its partitions."""
    before, after = _place(old), _place(new)
    if before and before == after:
        return Counter({before[0]: max(_units(old), _units(new))})
    found = Counter({before[0]: _units(old)}) if before else Counter()
    return found + (Counter({after[0]: _units(new)}) if after else Counter())


def _units(item: Item | None) -> int:
    return 0 if item is None else max(1, math.ceil(item_size(item) / 1024))


def _place(item: Item | None) -> tuple[Any, ...] | None:
    return None if item is None or "gsi1pk" not in item else tuple(item[k]["S"] for k in _KEYS)


@dataclass
class Meter:
    """What was asked of AWS since it was last taken."""

    calls: Counter[str] = field(default_factory=Counter)
    """`service.Operation` → how often."""
    read: float = 0.0
    written: int = 0
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was done (`read`, `write`), and at which partition, of the table or of its index → units."""

    def count(self, call: str, times: int = 1) -> None:
        """Take so many calls."""
        self.calls[call] += times

    def wrote(self, pk: str, units: int) -> None:
        """Take a write."""
        self.written += units
        self.keys["write", pk] += units

    def looked(self, pk: str, units: float) -> None:
        """Take a read."""
        self.read += units
        self.keys["read", pk] += units  # type: ignore[assignment]

    def of(self, service: str) -> int:
        """How many calls of a service."""
        return sum(n for call, n in self.calls.items() if call.startswith(f"{service}."))

    def add(self, other: Meter) -> None:
        """Take what another one counted."""
        self.calls += other.calls
        self.keys += other.keys
        self.read, self.written = self.read + other.read, self.written + other.written

    def take(self) -> Meter:
        """What was counted so far; counting begins anew."""
        taken = Meter(self.calls, self.read, self.written, self.keys)
        self.calls, self.keys, self.read, self.written = Counter(), Counter(), 0.0, 0
        return taken

    def said(self) -> str:
        """In words: the calls by operation."""
        return ", ".join(f"{call.partition('.')[2]} {n}" for call, n in sorted(self.calls.items())) or "none"


def total(meters: Iterable[Meter]) -> Meter:
    """All of them together."""
    found = Meter()
    for meter in meters:
        found.add(meter)
    return found
