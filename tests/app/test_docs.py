"""What is written about the API is what there is."""

from __future__ import annotations

from docs.generate_api import API, current


def test_the_table_of_routes_is_current() -> None:
    text = API.read_text()
    assert text == current(text), "run: .venv/bin/python -m docs.generate_api"
