"""One emulator for these tests, with everything deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.tools import find_ffmpeg, find_ffprobe
from tests.conftest import free_port

from .cloud import Cloud, emulated


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(tmp_path_factory.mktemp("emulated"), free_port(), find_ffmpeg().path, find_ffprobe().path)
    with emulated(made):
        yield made
