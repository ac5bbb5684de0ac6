"""What CloudFormation says of a deployment that failed is found, however long its way back was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.aws import stacks
from infra.aws.deployment import Deployment
from infra.aws.vendor import Target

STACK = "AWS::CloudFormation::Stack"


def event(name: str, state: str, reason: str = "", kind: str = "AWS::SQS::Queue") -> dict[str, Any]:
    return {"LogicalResourceId": name, "ResourceStatus": state, "ResourceStatusReason": reason, "ResourceType": kind}


BACK = [event(f"Q{i}", "DELETE_COMPLETE") for i in range(100)]
FAILED = [
    event("s", "ROLLBACK_IN_PROGRESS", "failed to create", STACK),
    event("Other", "CREATE_FAILED", "Resource creation cancelled"),
    event("Queue", "CREATE_FAILED", "there are too many"),
    event("s", "CREATE_IN_PROGRESS", "User Initiated", STACK),
]
EARLIER = [event("Table", "CREATE_FAILED", "of another day")]


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    def pages(**_: Any) -> Iterator[dict[str, Any]]:
        for page in (BACK, FAILED, EARLIER):
            yield {"StackEvents": page}

    client = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=pages))
    made = Deployment("test", tmp_path, Target("arm64", "3.12"), {})
    monkeypatch.setitem(made._clients, "cloudformation", client)
    return made


def test_the_reason_is_found_behind_the_way_back_and_no_older_one(deployment: Deployment) -> None:
    assert stacks._why(deployment, "s") == "Queue: there are too many"
