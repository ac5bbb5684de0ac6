"""A front for all tests that attack it, and the application as its own tests have it, in both installations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.conftest import api, aws, client, cloud, moto, node, recorded, standalone
from tests.front_rig import Front, running_front
from tests.security.browser import Browser
from tests.unit.v1_client import V1, v1_on_fakes

__all__ = ["api", "aws", "client", "cloud", "front", "moto", "node", "recorded", "standalone"]


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("f")) as front:
        yield front


@pytest.fixture
def v1() -> Iterator[V1]:
    """The application's `/v1` on fakes."""
    with v1_on_fakes() as made:
        yield made


@pytest.fixture
def page(v1: V1) -> Browser:
    """A browser that talks to it."""
    return Browser(v1)
