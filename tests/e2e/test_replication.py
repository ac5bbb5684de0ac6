"""The database goes to a bucket as it is written: the machine is lost, and everything is there on another one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.start import Instance, start_instance
from infra.paths import ROOT
from tests.s3_server import ACCESS, SECRET, S3Server, s3_server
from tests.waiting import until

from .system import environment, free_port

pytestmark = pytest.mark.media
KEYS = {"SLUICE_REPLICA_ACCESS_KEY": ACCESS, "SLUICE_REPLICA_SECRET_KEY": SECRET}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), free_port()) as running:
        running.bucket("copies")
        running.bucket("recordings")
        yield running


def sluice(home: Path, *argv: str, **env: str) -> Any:
    """A command, with its JSON."""
    given = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(home)} | env
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *argv, "--json"], env=given, cwd=ROOT, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return json.loads(done.stdout)


def replicate(home: Path, server: S3Server, prefix: str) -> str:
    found = sluice(home, "replicate", "set", f"s3://copies/{prefix}", "--endpoint", server.url, **KEYS)
    return str(found["recovery_key"])


def restore(home: Path, server: S3Server, prefix: str, key: str) -> Any:
    argv = ("restore", "--from", f"s3://copies/{prefix}", "--endpoint", server.url)
    return sluice(home, *argv, SLUICE_RECOVERY_KEY=key, **KEYS)


def in_step(api: Api) -> None:
    def look() -> bool:
        found = api.call("GET", "/v1/system")["replication"]
        return bool(found and found["state"] == "ok" and found["lag_s"] < 10)

    until(look, "the copy keeps up", 40)


def lose(instance: Instance) -> None:
    """Everything at once, as if the plug were pulled."""
    family = [psutil.Process(instance.pid), *psutil.Process(instance.pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, 10)


def shown(api: Api) -> dict[str, Any]:
    """What an owner made, as the API shows it."""
    paths = ("rooms", "destinations", "settings/publish", "settings/record", "settings/store", "recordings")
    return {path: api.call("GET", f"/v1/{path}") for path in paths}


def recorded(instance: Instance, api: Api, clip: Path) -> str:
    """A finished recording in the bucket; its id."""
    api.call("PATCH", "/v1/settings/record", {"merge_window_s": 0})
    url = f"{instance.at['rtmp']}/kept?secret={instance.at['publish_secret']}"
    encoder = media.publish(clip, url)
    encoder.communicate(timeout=60)

    def ready() -> str | None:
        found = api.call("GET", "/v1/recordings")["items"]
        return str(found[0]["id"]) if found and found[0]["state"] == "ready" else None

    found = until(ready, "the recording is finished", 60)
    assert found is not None
    return found


def assert_plays(api: Api, recording: str) -> None:
    share = api.call("POST", f"/v1/recordings/{recording}/shares", {})
    for form in ("hls", "mp4"):
        assert media.decode(api.url + share["links"][form], frames=100) == "", form


def test_a_lost_machine_comes_back_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, server: S3Server, clip: Path
) -> None:
    # Short: the paths of sockets may not be long.
    first, second, third = (tmp_path_factory.mktemp(name) / "i" for name in "abc")
    env = environment()
    with start_instance(first, **env) as instance:
        api = Api(instance.at["url"], instance.at["api_secret"])
        store = {"endpoint": server.url, "bucket": "recordings", "access_key": ACCESS, "secret_key": SECRET}
        api.call("PATCH", "/v1/settings/store", {"store": store})
        key = replicate(first, server, "one")
        assert (first / "replicate.json").stat().st_mode & 0o777 == 0o600
        recording = recorded(instance, api, clip)
        in_step(api)
        api.call("PATCH", "/v1/settings/record", {"merge_window_s": 7})
        for n in range(30):
            api.call("POST", "/v1/rooms", {"title": f"room {n}"})
        target = {"name": "T", "url": "rtmp://a.example.com/live/secret-key", "streams": ["/x"], "enabled": False}
        api.call("POST", "/v1/destinations", target)
        before = shown(api)
        time.sleep(5)
        lose(instance)
        api.close()
    shutil.rmtree(first)
    wrong = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "restore", "--from", "s3://copies/one", "--endpoint", server.url],
        env={"PATH": os.environ["PATH"], "SLUICE_HOME": str(second), "SLUICE_RECOVERY_KEY": "A" * 32} | KEYS,
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (wrong.returncode, "does not fit" in wrong.stderr) == (1, True), wrong.stderr
    assert not (second / "sluice.sqlite3").exists()
    assert restore(second, server, "one", key)["items"] > 30
    _refuses_what_is_there(second, server, key)
    with start_instance(second, **environment()) as instance:
        api = Api(instance.at["url"], instance.at["api_secret"])
        assert shown(api) == before
        assert_plays(api, recording)
        assert api.call("GET", "/v1/system")["replication"] is None
        # To the same place again: the copy goes on from there.
        key = replicate(second, server, "one")
        in_step(api)
        api.call("POST", "/v1/rooms", {"title": "after the loss"})
        time.sleep(3)
        _survives_a_store_that_is_away(api, server)
        before = shown(api)
        sluice(second, "replicate", "off", "-y")
        until(lambda: api.call("GET", "/v1/system")["replication"] is None, "it is off", 10)
        api.close()
    restore(third, server, "one", key)
    with start_instance(third, **environment()) as instance:
        api = Api(instance.at["url"], instance.at["api_secret"])
        assert shown(api) == before
        api.close()


def _refuses_what_is_there(home: Path, server: S3Server, key: str) -> None:
    with pytest.raises(AssertionError, match="not overwritten"):
        restore(home, server, "one", key)


def _survives_a_store_that_is_away(api: Api, server: S3Server) -> None:
    server.stop()
    api.call("POST", "/v1/rooms", {"title": "while the store is away"})

    def told() -> bool:
        return bool(api.call("GET", "/v1/system")["replication"]["state"] == "behind")

    until(told, "the status says that the copy is behind", 60)
    server.start()
    in_step(api)
    time.sleep(3)
