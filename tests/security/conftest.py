"""A front for all tests that attack it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.front_rig import Front, running_front


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("f")) as front:
        yield front
