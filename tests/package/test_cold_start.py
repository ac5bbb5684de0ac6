"""What a function loads until it can admit a publisher: counted, as times are another machine's tomorrow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from infra.paths import ROOT

from .cold_start import ENTRY, PLACES

_ASK = f"""{ENTRY}import json, sys
print(json.dumps(sorted(sys.modules)))
"""
MOST_OF_OURS = 102
"""Two more than there were: what limits count, and the layouts of sources."""
MOST = 440


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    environment = {"PATH": os.environ["PATH"], **PLACES}
    argv = [sys.executable, "-c", _ASK]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found: Any = json.loads(done.stdout)
    return list(found)


def test_admission_loads_no_sdk_no_framework_and_no_other_service(loaded: list[str]) -> None:
    heavy = {
        "boto3",
        "botocore.session",
        "botocore.auth",
        "requests",
        "chalice",
        "jwt",
        "urllib3",
        "httpx",
        "cryptography.x509",
        "ulid.api",
    }
    assert heavy & set(loaded) == set()
    assert not [name for name in loaded if name.startswith(("chalicelib.routes.v1", "chalicelib.routes.oryx"))]
    others = tuple(f"chalicelib.services.{room}" for room in ("recordings", "sources", "pushing", "watching", "edges"))
    assert not [name for name in loaded if name.startswith(others)]


def test_it_loads_no_more_than_it_did(loaded: list[str]) -> None:
    """Each module costs; whoever needs another one raises the number and says why."""
    assert len([name for name in loaded if name.startswith("chalicelib")]) <= MOST_OF_OURS
    assert len(loaded) <= MOST
