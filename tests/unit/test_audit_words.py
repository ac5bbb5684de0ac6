"""The console has words for everything that is written into the book of changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

import chalicelib.routes.v1  # noqa: F401 - it adds the operations
from chalicelib.routes.v1.base import OPERATIONS

WORDS: Final = Path(__file__).parents[2] / "console" / "src" / "i18n"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_change_has_words_in_both_languages(language: str) -> None:
    said = set(re.findall(r'^  (\w+): "', (WORDS / f"audit.{language}.ts").read_text(), re.MULTILINE))
    done = {op.name for op in OPERATIONS.values() if op.method != "GET" and op.changes and op.scope}
    assert done - said == set()
