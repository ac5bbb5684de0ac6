"""A front for all tests that attack it, and the application as its own tests have it, in both installations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.conftest import api, aws, client, cloud, moto, node, recorded, standalone
from tests.front_rig import Front, running_front

__all__ = ["api", "aws", "client", "cloud", "front", "moto", "node", "recorded", "standalone"]


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("f")) as front:
        yield front
