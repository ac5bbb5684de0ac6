"""`docs/reliability.md` names the tests that provoke each of the thirty faults; they are there."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "reliability.md").read_text().partition("## The thirty faults")[2].partition("\n## ")[0]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_[\w*]*)`")
ROWS = {int(m[1]): m[2] for m in re.finditer(r"^\| (\d+) \|(.*)\|$", SECTION, re.MULTILINE)}


def functions_of(file: Path) -> set[str]:
    """The functions of a file that pytest runs."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {n.name for n in ast.parse(file.read_text()).body if isinstance(n, kinds) and n.name.startswith("test_")}


def test_each_of_the_thirty_faults_has_a_row_with_a_test() -> None:
    assert sorted(ROWS) == list(range(1, 31))
    assert all(TEST.search(row) for row in ROWS.values())


@pytest.mark.parametrize(("file", "pattern"), sorted(set(TEST.findall(SECTION))))
def test_each_test_that_is_named_is_there(file: str, pattern: str) -> None:
    assert (ROOT / file).is_file()
    assert any(fnmatchcase(name, pattern) for name in functions_of(ROOT / file)), f"no {pattern} in {file}"
