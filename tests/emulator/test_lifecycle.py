"""An installation from its first deployment to its removal: by the commands that users have."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.aws import code, stacks
from infra.aws.deploy import Deployed, deploy, diff, rollback
from infra.aws.deployment import Deployment
from infra.aws.destroy import destroy
from infra.aws.package import data_template
from infra.errors import InfraError
from infra.paths import ROOT

from .cloud import Cloud, empty

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An account in which nothing is."""
    with empty(tmp_path_factory.mktemp("bare")) as made:
        yield made


def _checkout(folder: Path) -> Path:
    """A copy of what is packaged, to be changed."""
    folder.mkdir()
    shutil.copy(ROOT / "app.py", folder)
    shutil.copytree(ROOT / "chalicelib", folder / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _version(made: Deployed, deployment: Deployment) -> object:
    api = deployment.reach(made.outputs)["ApiUrl"]
    headers = {"Authorization": f"Bearer {made.first['api_secret']}"}
    return requests.get(f"{api}/v1/about", headers=headers, timeout=30).json()["version"]


def _named(deployment: Deployment, source: Path, version: str) -> Deployment:
    file = source / "chalicelib" / "wiring" / "installation.py"
    lines = file.read_text().splitlines(keepends=True)
    changed = [f'VERSION: Final = "{version}"\n' if line.startswith("VERSION: Final") else line for line in lines]
    file.write_text("".join(changed))
    return dataclasses.replace(deployment, source=source)


def _secret_of(deployment: Deployment) -> str:
    return str(deployment.client("secretsmanager").get_secret_value(SecretId="sluice/test/master")["SecretString"])


def test_from_the_first_deployment_to_the_last(bare: Cloud, tmp_path: Path) -> None:
    said: list[str] = []
    deployment = dataclasses.replace(bare.deployment(), say=said.append)
    source = _checkout(tmp_path / "source")
    one = _named(deployment, source, "1.0.0")

    assert any("add" in line for line in diff(one))
    assert stacks.status(one, one.stack) == stacks.status(one, one.data_stack) == ""  # diff left nothing behind

    first = deploy(one)
    assert first.fresh
    assert _version(first, one) == "1.0.0"
    assert any("functions, queues and addresses: " in line and line.endswith(" s") for line in said)
    assert diff(one) == []
    master = _secret_of(one)

    two = _named(deployment, source, "2.0.0")
    assert any("Edge" in line for line in diff(two))
    assert _version(deploy(two), two) == "2.0.0"

    assert _version(rollback(two), two) == "1.0.0"
    with pytest.raises(InfraError, match="no earlier deployment"):
        rollback(two)

    api = deployment.reach(stacks.outputs(deployment, deployment.stack) or {})["ApiUrl"]
    bearer = {"Authorization": f"Bearer {first.first['api_secret']}"}
    room = requests.post(f"{api}/v1/rooms", headers=bearer, json={"title": "kept"}, timeout=30)
    assert room.status_code == 201, room.text

    destroy(deployment)
    destroy(deployment)  # twice is as once
    assert stacks.status(deployment, deployment.stack) == ""

    back = deploy(two)
    assert (back.fresh, back.first) == (False, first.first)
    assert _secret_of(two) == master
    api = deployment.reach(back.outputs)["ApiUrl"]
    rooms = requests.get(f"{api}/v1/rooms", headers=bearer, timeout=30).json()["items"]
    assert [r["title"] for r in rooms] == ["kept"]

    destroy(deployment, data=True)
    assert stacks.status(deployment, deployment.data_stack) == ""
    assert deployment.client("dynamodb").list_tables()["TableNames"] == []
    assert not [q for q in deployment.client("sqs").list_queues().get("QueueUrls", []) if "sluice-test" in q]


def _broken(template: dict[str, Any]) -> dict[str, Any]:
    """The template with a queue as none can be: of the kinds in it, the emulator refuses nonsense of this one alone."""
    next(r for r in template["Resources"].values() if r["Type"] == "AWS::SQS::Queue")["Properties"] |= {
        "MessageRetentionPeriod": 1
    }
    return template


def test_a_first_deployment_that_fails_does_not_block_the_second(
    bare: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployment = bare.deployment()
    with monkeypatch.context() as state:
        state.setattr("infra.aws.deploy.data_template", lambda: _broken(data_template()))
        with pytest.raises(InfraError, match="sluice-test-data"):
            deploy(deployment)
    packaged, broken = tmp_path / "packaged.json", tmp_path / "broken.json"
    packaged.write_text(code.upload(deployment).read_text())
    broken.write_text(json.dumps(_broken(json.loads(packaged.read_text()))))
    monkeypatch.setattr(code, "upload", lambda _: broken)
    with pytest.raises(InfraError, match="stack sluice-test:"):
        deploy(deployment)
    monkeypatch.setattr(code, "upload", lambda _: packaged)
    assert deploy(deployment).outputs["ApiUrl"]
