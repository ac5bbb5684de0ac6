"""Where gaps are on a recording's own time line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.gaps import marks

SEGMENTS = [
    {"session": "A", "index": 0, "duration_ms": 2000},
    {"session": "A", "index": 1, "duration_ms": 2100},
    {"session": "A", "index": 4, "duration_ms": 2000},
    {"session": "B", "index": 0, "duration_ms": 1000},
]


@pytest.mark.parametrize(
    ("gap", "at", "length"),
    [
        ({"session": "A", "before_index": 0, "reason": "missing_file"}, 0, None),
        ({"session": "A", "before_index": 3, "reason": "missing_file", "duration_ms": 1900}, 4100, 1900),
        ({"session": "A", "before_index": 4, "reason": "corrupt"}, 4100, 2000),
        ({"session": "A", "before_index": 2, "reason": "corrupt"}, 4100, None),
        ({"session": "A", "before_index": 9, "reason": "edge_lost"}, 6100, None),
        ({"session": "B", "before_index": 1, "reason": "edge_lost"}, 7100, None),
    ],
)
def test_a_gap_is_where_what_follows_begins(gap: dict[str, Any], at: int, length: int | None) -> None:
    (mark,) = marks({"segments": SEGMENTS, "gaps": [gap]})
    assert (mark.at_ms, mark.length_ms, mark.reason) == (at, length, gap["reason"])


_GAPS = st.lists(
    st.fixed_dictionaries({"session": st.sampled_from("AB"), "before_index": st.integers(0, 9), "reason": st.text()})
)


@given(_GAPS)
def test_marks_lie_on_the_time_line_in_order(gaps: list[dict[str, Any]]) -> None:
    found = [mark.at_ms for mark in marks({"segments": SEGMENTS, "gaps": gaps})]
    assert found == sorted(found)
    assert len(found) == len(gaps)
    assert all(0 <= at <= 7100 for at in found)


def test_an_empty_proof_has_none() -> None:
    assert marks({}) == []
