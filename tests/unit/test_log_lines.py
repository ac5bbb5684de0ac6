"""Which requests are worth a line of the log."""

from __future__ import annotations

import pytest

from chalicelib.adapters.logs import is_told


@pytest.mark.parametrize(
    ("method", "route", "status", "took_ms", "told"),
    [
        ("GET", "/v1/rooms", 200, 3, False),
        ("HEAD", "/v1/rooms", 200, 3, False),
        ("POST", "/edge/v1/sync", 200, 3, False),
        ("GET", "/v1/rooms", 401, 3, True),
        ("POST", "/edge/v1/publish", 500, 3, True),
        ("GET", "/v1/rooms", 200, 1000, True),
        ("POST", "/v1/rooms", 201, 3, True),
        ("DELETE", "/v1/rooms/{room}", 204, 3, True),
    ],
)
def test_a_host_tells_of_what_changes_is_refused_or_is_slow(
    method: str, route: str, status: int, took_ms: int, *, told: bool
) -> None:
    assert is_told(None, method, route, status, took_ms) is told
    assert is_told(object(), method, route, status, took_ms), "a function tells of each"
