"""What many unit tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.local.database import Database

from .v1_client import V1, v1_on_fakes


@pytest.fixture
def v1() -> Iterator[V1]:
    """The application's `/v1` on fakes."""
    with v1_on_fakes() as made:
        yield made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database of a standalone installation."""
    made = Database(tmp_path / "sluice.sqlite3")
    yield made
    made.close()
