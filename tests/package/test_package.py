"""What goes to Lambda: complete, and nothing that does not belong there."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.aws.package import package
from infra.aws.vendor import Target
from infra.paths import ROOT, tool

HANDLERS = [
    "app.app",
    "app.on_callbacks",
    "app.on_finish",
    "app.on_minute",
    "app.on_objects",
    "app.on_table",
    "app.on_task",
    "chalicelib.entries.edge.handler",
]
_IMPORT = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for handler in json.loads(sys.argv[2]):
    module, name = handler.rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name)), handler
strangers = [name for name in ("edge", "infra", "chalice.cli", "pip") if name in sys.modules]
assert not strangers, strangers
"""


@pytest.fixture(scope="session")
def template(packaged: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(packaged.read_text())
    return loaded


@pytest.fixture(scope="session")
def names(packaged: Path) -> list[str]:
    with zipfile.ZipFile(packaged.with_name("deployment.zip")) as archive:
        return archive.namelist()


def _functions(template: dict[str, Any]) -> dict[str, Any]:
    resources = template["Resources"].items()
    return {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::Serverless::Function"}


def test_the_template_names_every_handler(template: dict[str, Any]) -> None:
    assert sorted(function["Handler"] for function in _functions(template).values()) == HANDLERS


def test_every_handler_imports_from_the_zip_alone(packaged: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packaged.with_name("deployment.zip")) as archive:
        archive.extractall(tmp_path)
    # -I -S: neither this checkout, nor installed packages, nor the environment.
    argv = [sys.executable, "-I", "-S", "-c", _IMPORT, str(tmp_path), json.dumps(HANDLERS)]
    done = subprocess.run(argv, env={}, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_agent_and_the_deployment_are_not_in_it(names: list[str]) -> None:
    strangers = {"edge", "infra", "tests", "docs", "pip", "setuptools", "ministack", ".chalice", "project"}
    assert not strangers & {name.split("/")[0] for name in names}
    assert "chalicelib/wire/edge/publish.py" in names


def test_every_module_is_there_compiled_too(names: list[str]) -> None:
    """Else each cold start would compile it."""
    version = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    modules = [Path(name) for name in names if name.endswith(".py") and name.startswith(("chalicelib/", "pydantic/"))]
    assert len(modules) > 200
    assert {str(m.parent / "__pycache__" / f"{m.stem}.{version}.pyc") for m in modules} <= set(names)


def test_the_same_commit_makes_the_same_package(packaged: Path, tmp_path: Path) -> None:
    """Wherever and whenever it is made: else each deployment would change every function."""
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(ROOT / "app.py", source)
    shutil.copytree(ROOT / "chalicelib", source / "chalicelib", copy_function=shutil.copyfile)
    made = package("test", Target.host(), tmp_path / "again", source)
    first, second = (path.with_name("deployment.zip").read_bytes() for path in (packaged, made))
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


def test_nothing_of_the_application_is_dropped(names: list[str]) -> None:
    """Chalice drops symlinked folders in silence."""
    files = {path for path in (ROOT / "chalicelib").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {str(path.relative_to(ROOT)) for path in files} <= set(names)


def test_it_is_small_enough_to_start_fast(packaged: Path) -> None:
    assert packaged.with_name("deployment.zip").stat().st_size < 20_000_000


def test_placeholders_are_all_replaced(template: dict[str, Any]) -> None:
    text = json.dumps(template)
    for placeholder in ("PLACEHOLDER", "overridden-by-template", "QUEUE_ARN"):
        assert placeholder not in text
    for function in _functions(template).values():
        assert isinstance(function["Role"], dict)


def test_cfn_lint_finds_nothing(packaged: Path) -> None:
    done = subprocess.run([tool("cfn-lint"), str(packaged)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_packaging_again_needs_no_network(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the code has changed, which Chalice by itself would answer by asking the package index again."""
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(ROOT / "app.py", source)
    shutil.copytree(ROOT / "chalicelib", source / "chalicelib")
    (source / "chalicelib" / "new.py").write_text('"""New."""\n')
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/")
    made = package("test", Target.host(), tmp_path / "again", source)
    with zipfile.ZipFile(made.with_name("deployment.zip")) as archive:
        assert "chalicelib/new.py" in archive.namelist()
