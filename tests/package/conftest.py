"""The package, made once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.aws.package import package
from infra.aws.vendor import Target


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SAM template; `deployment.zip` lies beside it."""
    return package("test", Target.host(), tmp_path_factory.mktemp("package"))
