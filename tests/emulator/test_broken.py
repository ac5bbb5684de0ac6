"""A first deployment that fails in each kind of resource that there is, one after the other: each says what failed, and
leaves nothing that blocks the next; mended, it works. The emulator refuses a kind as AWS does where an account has
enough of it.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from infra.aws import code, first_secrets, smoke, stacks
from infra.aws.deploy import _parameters
from infra.aws.deployment import Deployment
from infra.aws.destroy import destroy
from infra.aws.package import data_template

from .cloud import Cloud, empty

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
PATIENCE_S: Final = 60
WATCHED: Final = {"AlarmMail": "owner@example.com"}
"""With it there is every kind that the templates know, but budgets, which the emulator does not."""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with empty(tmp_path_factory.mktemp("bare")) as made:
        yield made


@dataclasses.dataclass
class Stack:
    """One of the two, made as `aws cloudformation deploy` makes it, but looked at more often than every 30 s."""

    cloud: Cloud
    deployment: Deployment
    name: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]

    def create(self, refused: str = "") -> str:
        """Its state then. `refused`: the kind that nothing can be made of."""
        (self.cloud.home / "refused").write_text(refused)
        stacks.unblock(self.deployment, self.name)
        key = f"templates/{self.name}.json"
        body = json.dumps(self.template).encode()
        self.deployment.client("s3").put_object(Bucket=self.deployment.code_bucket, Key=key, Body=body)
        client = self.deployment.client("cloudformation")
        client.create_stack(
            StackName=self.name,
            TemplateURL=f"{self.cloud.endpoint}/{self.deployment.code_bucket}/{key}",
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        deadline = time.monotonic() + PATIENCE_S
        while (state := client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]).endswith(
            "IN_PROGRESS"
        ):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        return str(state)

    def kinds(self) -> dict[str, list[str]]:
        """What it made: by kind, the names of the resources."""
        listed = self.deployment.client("cloudformation").describe_stack_resources(StackName=self.name)
        found: dict[str, list[str]] = {}
        for resource in listed["StackResources"]:
            found.setdefault(resource["ResourceType"], []).append(resource["LogicalResourceId"])
        return found

    def check_each_kind(self, remove: Callable[[], None]) -> None:
        """Broken in each kind, then mended. `remove`: takes away what was made to know the kinds."""
        assert self.create() == "CREATE_COMPLETE", stacks._why(self.deployment, self.name)
        kinds = self.kinds()
        remove()
        said = {}
        for kind, made in sorted(kinds.items()):
            state = self.create(kind)
            why = stacks._why(self.deployment, self.name)
            told = any(f"{name}: " in why for name in made) and f"no more of these: {kind}" in why
            said[kind] = state if told else f"{state}: {why}"
        assert {kind: each for kind, each in said.items() if each != "ROLLBACK_COMPLETE"} == {}
        assert self.create() == "CREATE_COMPLETE"
        assert self.kinds() == kinds


def test_a_first_deployment_that_fails_in_any_kind_blocks_nothing(bare: Cloud, tmp_path: Path) -> None:
    began = bare.deployment()
    deployment = dataclasses.replace(began, parameters={**began.parameters, **WATCHED}, folder=tmp_path)
    code.ensure_bucket(deployment)
    kept = Stack(bare, deployment, deployment.data_stack, data_template(), {"Stage": deployment.stage})
    kept.check_each_kind(lambda: destroy(deployment, data=True))
    template = json.loads(code.upload(deployment).read_text())
    parameters = _parameters(deployment, stacks.outputs(deployment, deployment.data_stack) or {})
    Stack(bare, deployment, deployment.stack, template, parameters).check_each_kind(
        lambda: stacks.remove(deployment, deployment.stack)
    )
    first, _ = first_secrets.ensure(deployment)
    made = dict(deployment.reach(stacks.outputs(deployment, deployment.stack) or {}))
    smoke.test({k: v for k, v in made.items() if k != "KeysArn"} | {"SiteUrl": made["ApiUrl"]}, first)
