"""What is asked of AWS does not grow: not by what a stream-hour costs, nor a recording, nor doing nothing.

The figures are counts, not prices. One that falls is written down here anew, so that it stays there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from .bill import Bill
from .meter import Meter
from .prices import PRICES
from .report import lines
from .stories import finishing, idle_installation, idle_node, stream_hour

HELD: Final[dict[str, tuple[Callable[[], Bill], dict[str, float]]]] = {
    "an hour of one stream": (
        lambda: stream_hour(1, pushed=False),
        {"dynamodb.write": 293, "dynamodb.read": 444, "lambda.request": 132, "s3.put": 361, "sqs": 184},
    ),
    "an hour of ten streams, a push each": (
        lambda: stream_hour(10, pushed=True).times(10),
        {"dynamodb.write": 1060, "dynamodb.read": 3213, "lambda.request": 280, "s3.put": 3610, "sqs": 240},
    ),
    "finishing a recording of an hour": (
        finishing,
        {"dynamodb.write": 13, "dynamodb.read": 6, "lambda.request": 2, "s3.put": 21, "s3.get": 360, "sqs": 2},
    ),
    "a node that does nothing for a month": (
        idle_node,
        {"dynamodb.write": 43_800, "dynamodb.read": 131_400, "lambda.request": 43_800, "sqs": 131_400},
    ),
    "an installation that does nothing for a month": (
        idle_installation,
        {"dynamodb.write": 0, "dynamodb.read": 442_380, "lambda.request": 43_800, "sqs": 1_971_000, "secret.month": 1},
    ),
}


LENIENT: Final = 1.01
"""Sizes of items move by some bytes, as ids and times do."""


@pytest.mark.parametrize("what", HELD)
def test_no_count_grows(what: str) -> None:
    story, held = HELD[what]
    found = story().units
    grown = {name: round(found[name], 1) for name, most in held.items() if found[name] > most * LENIENT}
    assert not grown, f"more than {held}"
    assert set(found) <= set(PRICES)


def test_nothing_costs_more_than_it_may() -> None:
    missed = {line.bill.what: round(line.bill.dollars, 2) for line in lines() if not line.is_met}
    assert not missed


def test_units_are_those_of_dynamodb() -> None:
    meter = Meter()
    meter.wrote("a", 3)
    meter.count("dynamodb.PutItem")
    taken = meter.take()
    assert (taken.written, taken.of("dynamodb"), dict(taken.keys)) == (3, 1, {("write", "a"): 3})
    assert (meter.written, meter.calls) == (0, {})
