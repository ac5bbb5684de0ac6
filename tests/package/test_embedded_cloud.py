"""The packaged functions on the embedded cloud: deployed, reached, kept over restarts and `kill -9`."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.deploy import deploy, diff, outputs
from infra.errors import InfraError
from infra.local.cloud import Cloud
from infra.local.identity import load_identity
from infra.local.settings import read_settings
from infra.local.supervisor import Supervisor

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


class Embedded:
    """A cloud under its supervisor, as the launcher runs it."""

    def __init__(self, home: Path) -> None:
        settings = read_settings({"SLUICE_HOME": str(home)})
        for folder in (settings.run_dir, settings.log_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self.identity = load_identity(settings)
        self.cloud = Cloud(settings, self.identity, "/bin/false", "/bin/false")
        self.supervisor = Supervisor(lambda _: None, lambda: False)

    def start(self) -> bool:
        """True when the functions had to be deployed."""
        self.supervisor.start(self.cloud.child())
        return self.cloud.ensure_deployed()

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        base = self.cloud.url_file.read_text()
        headers = {"Authorization": f"Bearer {self.identity.api_secret}"}
        return httpx.request(method, base + path, headers=headers, timeout=30, trust_env=False, **more)

    def change(self, window: int) -> None:
        """Change a setting by the API."""
        answer = self.call("PATCH", "/v1/settings/record", json={"merge_window_s": window})
        assert answer.status_code == 200, answer.text

    def window(self) -> int:
        return int(self.call("GET", "/v1/settings/record").json()["merge_window_s"])

    def saved(self, name: str) -> str:
        path = self.cloud.settings.home / "state" / f"{name}.json"
        return path.read_text() if path.exists() else ""

    def kill(self) -> None:
        """As the out-of-memory killer would."""
        (running,) = self.supervisor._running
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        self.supervisor.stop()


def _until(what: str, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(scope="module")
def embedded(home: Path) -> Iterator[Embedded]:
    made = Embedded(home)
    try:
        assert made.start(), "a first start deploys"
        yield made
    finally:
        made.supervisor.stop()


def test_the_api_answers_and_nothing_is_secret_in_its_environment(embedded: Embedded) -> None:
    assert embedded.call("GET", "/v1/health").status_code == 200
    assert embedded.identity.api_secret not in embedded.saved("lambda")


def test_functions_write_their_log_where_the_user_finds_it(embedded: Embedded) -> None:
    embedded.call("GET", "/v1/health")
    log = embedded.cloud.settings.log_dir / "functions.log"
    _until("no log", lambda: log.exists() and "sluice-local-api" in log.read_text())


def test_there_is_nothing_to_change_after_a_deployment(embedded: Embedded) -> None:
    assert diff(embedded.cloud.deployment()) == []
    assert embedded.cloud.ensure_deployed() is False


def test_items_expire(embedded: Embedded) -> None:
    found = embedded.cloud.deployment().client("dynamodb").describe_time_to_live(TableName="sluice-local")
    assert found["TimeToLiveDescription"]["AttributeName"] == "expires_at"


def test_a_clean_restart_keeps_everything(embedded: Embedded) -> None:
    embedded.change(11)
    embedded.supervisor.stop()
    assert embedded.start() is False
    assert embedded.window() == 11


def test_a_kill_keeps_what_is_some_seconds_old(embedded: Embedded) -> None:
    saved = embedded.saved("dynamodb")
    embedded.change(12)
    _until("never saved", lambda: embedded.saved("dynamodb") not in {"", saved})
    embedded.kill()
    assert embedded.start() is False
    assert embedded.window() == 12


def test_another_port_changes_nothing(embedded: Embedded) -> None:
    before = embedded.identity.ports["gateway"]
    embedded.supervisor.stop()
    stored = json.loads((embedded.cloud.settings.home / "instance.json").read_text())
    stored["ports"]["gateway"] = before - 1
    (embedded.cloud.settings.home / "instance.json").write_text(json.dumps(stored))
    moved = Embedded(embedded.cloud.settings.home)
    try:
        assert moved.start(), "the functions must learn the new address"
        made = outputs(moved.cloud.deployment())
        assert made is not None
        assert made["CallbacksQueueUrl"].startswith(moved.cloud.endpoint)
        assert moved.window() == 12
    finally:
        moved.supervisor.stop()


def test_a_table_without_its_stack_is_not_overwritten(tmp_path: Path) -> None:
    other = Embedded(tmp_path)
    try:
        other.supervisor.start(other.cloud.child())
        key = {"AttributeName": "pk", "KeyType": "HASH"}
        other.cloud.deployment().client("dynamodb").create_table(
            TableName="sluice-local",
            KeySchema=[key],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        with pytest.raises(InfraError, match="There is a table"):
            deploy(other.cloud.deployment())
    finally:
        other.supervisor.stop()
