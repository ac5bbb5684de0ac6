"""Every command of the README and of the documents runs as it stands. A fenced block of the language `sh` is there to
be copied, in the order in which they come; output and what is only an example stand in blocks without a language.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from infra.local.ports import pick_free
from infra.local.settings import read_settings
from infra.local.start import Instance, start_instance
from infra.local.tools import MissingToolError, find_nginx, find_srs
from infra.paths import ROOT

pytestmark = [pytest.mark.media, pytest.mark.slow]

README: Final = ROOT / "README.md"
DOCUMENTS: Final = ("docs/operations.md", "docs/api.md", "docs/recording.md", "docs/zh/recording.md")
PORTS: Final = ("HTTP_PORT", "HTTPS_PORT", "RTMP_PORT", "SRT_PORT", "RTC_PORT")
MAKES: Final = {
    "make run": "it is the instance that the others are run on",
    "make demo": "`make test` runs it by itself",
}
LONGEST_S: Final = 80
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(path: Path) -> str:
    """What is there to be copied, without comments."""
    text = "".join(_BLOCK.findall(path.read_text()))
    return re.sub(r"[ \t]+#.*$", "", text, flags=re.MULTILINE)


def with_ports(script: str, environment: dict[str, str]) -> str:
    """The script for an instance on other ports than the README's."""
    shown = read_settings({})
    for port, variable in ((shown.http, "HTTP_PORT"), (shown.https, "HTTPS_PORT"), (shown.rtmp, "RTMP_PORT")):
        script = re.sub(rf"(?<=127\.0\.0\.1:){port.number}\b", environment[variable], script)
    return script


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    taken: set[int] = set()
    for _ in PORTS:
        taken.add(pick_free(range(33000, 36000), taken))
    return {name: str(port) for name, port in zip(PORTS, taken, strict=True)} | {"SLUICE_INTERNAL_PORTS": "29000-29999"}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Instance]:
    try:
        find_srs() or find_nginx()
    except MissingToolError as missing:
        pytest.skip(str(missing))
    with start_instance(tmp_path_factory.mktemp("readme"), **environment) as started:
        yield started


def run(script: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """In a second terminal, in a folder that has the checkout's commands; the first that fails ends it."""
    (folder / ".venv").symlink_to(ROOT / ".venv")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "FFMPEG", "FFPROBE"))}
    return subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-O", "expand_aliases", "-x", "-c", script],
        cwd=folder, env=kept | {"SLUICE_HOME": str(home)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip


def test_the_commands_of_the_readme_run(tmp_path: Path, instance: Instance, environment: dict[str, str]) -> None:
    lines = commands(README).splitlines()
    assert lines[0] == "make run"
    script = "\n".join(line for line in lines if line not in MAKES)
    done = run(with_ports(script, environment), tmp_path, instance.home)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^live/livestream +\d{4}-", done.stdout, re.MULTILINE), f"it was not live:\n{done.stdout}"
    assert "live/livestream  recording" in re.sub(" +", "  ", done.stdout), done.stdout


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_commands_of_the_documents_run(
    name: str, tmp_path: Path, instance: Instance, environment: dict[str, str]
) -> None:
    script = commands(ROOT / name)
    assert script
    done = run(with_ports(script, environment), tmp_path, instance.home)
    assert done.returncode == 0, done.stdout


def test_no_document_is_left_out() -> None:
    found = {str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md") if commands(p)}
    assert found == set(DOCUMENTS)


def test_a_command_that_fails_fails(tmp_path: Path, instance: Instance) -> None:
    script = 'alias sluice="$PWD/.venv/bin/sluice"\nsluice recordings show none\necho went on'
    done = run(script, tmp_path, instance.home)
    assert done.returncode == 1
    assert "\nwent on" not in done.stdout


def test_what_make_run_runs_is_what_was_started() -> None:
    # `make test` is a make itself, which would have this one speak of folders.
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    said = subprocess.run(
        ["make", "-n", "run"], cwd=ROOT, env=alone, capture_output=True, text=True, timeout=30, check=True
    )
    assert said.stdout.strip().endswith("-m infra.local run")


def test_the_chinese_readme_has_the_same_commands() -> None:
    assert commands(ROOT / "README.zh.md") == commands(README)
