"""A backup of a running instance, brought back on another machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.start import Instance, start_instance
from infra.paths import ROOT
from tests.waiting import until

from .system import environment

pytestmark = pytest.mark.media


def sluice(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(home)}
    argv = (sys.executable, "-m", "infra.cli.main", *argv)
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def recorded(instance: Instance, api: Api, clip: Path) -> str:
    api.call("PATCH", "/v1/settings/record", {"merge_window_s": 0})
    url = f"{instance.at['rtmp']}/kept?secret={instance.at['publish_secret']}"
    media.publish(clip, url).communicate(timeout=60)

    def ready() -> str | None:
        found = api.call("GET", "/v1/recordings")["items"]
        return str(found[0]["id"]) if found and found[0]["state"] == "ready" else None

    found = until(ready, "the recording is finished", 60)
    assert found is not None
    return found


def shown(api: Api) -> dict[str, Any]:
    paths = ("rooms", "destinations", "settings/publish", "settings/record", "recordings")
    return {path: api.call("GET", f"/v1/{path}") for path in paths}


def test_a_backup_of_a_running_instance_comes_back(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> None:
    first, second = (tmp_path_factory.mktemp(name) / "i" for name in "ab")
    file = first.parent / "backup.tar"
    with start_instance(first, **environment()) as instance:
        api = Api(instance.at["url"], instance.at["api_secret"])
        api.call("POST", "/v1/rooms", {"title": "mine"})
        recording = recorded(instance, api, clip)
        before = shown(api)
        made = sluice(first, "backup", str(file), "--with-objects", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["objects"] > 3
        running = sluice(first, "restore", str(file))
        assert (running.returncode, "is running" in running.stderr) == (1, True), running.stderr
        api.close()
    again = sluice(first, "restore", str(file))
    assert (again.returncode, "not overwritten" in again.stderr) == (1, True), again.stderr
    back = sluice(second, "restore", str(file), "--json")
    assert back.returncode == 0, back.stderr
    with start_instance(second, **environment()) as instance:
        api = Api(instance.at["url"], instance.at["api_secret"])
        assert shown(api) == before
        share = api.call("POST", f"/v1/recordings/{recording}/shares", {})
        for form in ("hls", "mp4"):
            assert media.decode(api.url + share["links"][form], frames=100) == "", form
        api.close()
