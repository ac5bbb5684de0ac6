"""What the processes of `make run` hold while nothing happens: modules, counted, as megabytes are another machine's
tomorrow. What only some ask for is loaded when they ask.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT

STARTS = {
    "launcher": "import infra.local.__main__",
    "host": "import edge.leanweb, infra.local.host.service, app",
    "agent": "import edge.__main__",
}
NOWHERE = {"boto3", "botocore.session", "click", "jwt", "logging.config", "prometheus_client", "psutil", "requests"}
NOT_IN = {
    "launcher": {"argparse", "asyncio", "cryptography", "httpx", "pydantic", "sqlite3", "ssl"},
    "host": {"argparse", "cryptography.x509", "html", "httpx", "starlette"},
    "agent": {"argparse", "chalice", "cryptography", "dns", "rich", "yt_dlp"},
}
MOST = {"launcher": 150, "host": 672, "agent": 580}
"""Each module costs; whoever needs another one raises the number and says why. The last of the host: what limits count,
and by what sources are found."""


def loaded(start: str, home: Path) -> set[str]:
    environment = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(home), "PYDANTIC_DISABLE_PLUGINS": "__all__"}
    code = f"import json, sys; {start}; print(json.dumps(list(sys.modules)))"
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found: Any = json.loads(done.stdout)
    return set(found)


@pytest.mark.parametrize("process", STARTS)
def test_idle_processes_hold_what_they_use(process: str, tmp_path: Path) -> None:
    found = loaded(STARTS[process], tmp_path)
    assert (NOWHERE | NOT_IN[process]) & found == set()
    assert len(found) <= MOST[process]
