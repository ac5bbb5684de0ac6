"""A call costs the same however much there is of what does not concern it."""

from __future__ import annotations

import pytest

from .growth import Size, measured
from .meter import Meter

FEW = Size(rooms=20, destinations=5, recordings=5, live=5, sources=4)
MANY = Size(rooms=400, destinations=100, recordings=300, live=120, sources=100)


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Meter], dict[str, Meter]]:
    return measured(FEW), measured(MANY)


def test_calls_and_units_are_flat(both: tuple[dict[str, Meter], dict[str, Meter]]) -> None:
    few, many = both
    assert few.keys() == many.keys()
    for name, meter in few.items():
        assert many[name].calls == meter.calls, name
        # An item that is read may be a little longer, as its numbers are.
        assert abs(many[name].read - meter.read) <= 0.5, name
        assert many[name].written == meter.written, name


def test_a_publish_takes_few_calls_and_reads_no_list(both: tuple[dict[str, Meter], dict[str, Meter]]) -> None:
    for measured_ in both:
        publish = measured_["publish"]
        assert sum(publish.calls.values()) <= 3
        assert not publish.calls["dynamodb.Query"]
