"""Stacks of CloudFormation: deployed, compared, removed, and brought out of states that would block the next step."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError, WaiterError

from infra.aws.deployment import Deployment
from infra.errors import InfraError

_CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_REMAINS: Final = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""What a first deployment that failed leaves: a name that can be used again only once it is deleted."""
_BEGUN: Final = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"})
"""How the events of an operation on a stack begin; its way back is another state."""


def status(deployment: Deployment, stack: str) -> str:
    """The state of a stack by CloudFormation's word; '' when there is none."""
    found = _described(deployment, stack)
    return "" if found is None or found["StackStatus"] == "DELETE_COMPLETE" else str(found["StackStatus"])


def outputs(deployment: Deployment, stack: str) -> dict[str, str] | None:
    """A stack's outputs; None when there is none, or only the remains of a failed first deployment."""
    found = _described(deployment, stack)
    if found is None or found["StackStatus"] in _REMAINS | {"DELETE_COMPLETE"}:
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _described(deployment: Deployment, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = deployment.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return found


def unblock(deployment: Deployment, stack: str) -> None:
    """Bring a stack out of a state in which CloudFormation takes no deployment."""
    state = status(deployment, stack)
    if state in _REMAINS:
        deployment.say(f"  {stack} is what a failed first deployment left ({state}); removing it")
        remove(deployment, stack)
    elif state == "UPDATE_ROLLBACK_FAILED":
        deployment.say(f"  {stack} did not find its way back ({state}); continuing")
        client = deployment.client("cloudformation")
        client.continue_update_rollback(StackName=stack)
        client.get_waiter("stack_rollback_complete").wait(StackName=stack)


def remove(deployment: Deployment, stack: str) -> None:
    """Delete a stack; nothing happens when there is none.

    Raises:
        InfraError: CloudFormation could not.
    """
    client = deployment.client("cloudformation")
    client.delete_stack(StackName=stack)
    try:
        client.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 3, "MaxAttempts": 600})
    except WaiterError as error:
        raise InfraError(f"The stack {stack} could not be removed: {_why(deployment, stack)}") from error


def deploy(deployment: Deployment, stack: str, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create or change a stack; gives its outputs.

    Raises:
        InfraError: CloudFormation refused, or went back; with its reasons.
    """
    unblock(deployment, stack)
    try:
        deployment.aws(_command(deployment, stack, template, parameters), f"deploy the stack {stack}")
    except InfraError as error:
        raise InfraError(f"{error}\n{_why(deployment, stack)}".strip(), error.hint) from error
    made = outputs(deployment, stack)
    if made is None:
        raise InfraError(f"The stack {stack} is not there after it was deployed.")
    return made


def changes(deployment: Deployment, stack: str, template: Path, parameters: Mapping[str, str]) -> list[str]:
    """What `deploy` would change, a line for each resource. Nothing is changed, and no change set stays."""
    fresh = outputs(deployment, stack) is None
    if fresh and status(deployment, stack):
        return [f"{stack} is what a failed first deployment left; it would be removed and created anew"]
    argv = [*_command(deployment, stack, template, parameters), "--no-execute-changeset"]
    said = deployment.aws(argv, "make a change set")
    found = re.search(r"--change-set-name\s+(\S+)", said)
    if not found:
        return []
    client = deployment.client("cloudformation")
    listed = client.describe_change_set(StackName=stack, ChangeSetName=found[1])["Changes"]
    client.delete_change_set(StackName=stack, ChangeSetName=found[1])
    if fresh:
        remove(deployment, stack)
    return [_line(change["ResourceChange"]) for change in listed]


def _line(change: Mapping[str, Any]) -> str:
    replaced = " (REPLACED: its data is lost)" if change.get("Replacement") == "True" else ""
    return f"{change['Action'].lower():8} {change['ResourceType']:38} {change['LogicalResourceId']}{replaced}"


def _command(deployment: Deployment, stack: str, template: Path, parameters: Mapping[str, str]) -> list[str]:
    argv = ["cloudformation", "deploy", "--template-file", str(template), "--stack-name", stack]
    argv += ["--s3-bucket", deployment.code_bucket, "--s3-prefix", "templates", "--no-fail-on-empty-changeset"]
    return [*argv, "--capabilities", *_CAPABILITIES, "--parameter-overrides", _file(deployment, parameters)]


def _file(deployment: Deployment, parameters: Mapping[str, str]) -> str:
    """Parameters go by a file that only we can read: an argument list is visible to every user of the machine."""
    path = deployment.folder / "parameters.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump([f"{key}={value}" for key, value in parameters.items()], file)
    return f"file://{path}"


def _events(client: Any, stack: str) -> Iterator[dict[str, Any]]:
    """What happened since the last operation began, newest first. A page may hold nothing but the way back."""
    for page in client.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            yield event
            if event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"] in _BEGUN:
                return


def _why(deployment: Deployment, stack: str) -> str:
    """What CloudFormation says failed, first things first."""
    try:
        events = list(_events(deployment.client("cloudformation"), stack))
    except ClientError:
        return ""
    failed = [
        e for e in events if "FAILED" in e["ResourceStatus"] and "cancelled" not in e.get("ResourceStatusReason", "")
    ]
    lines = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', e['ResourceStatus'])}" for e in failed]
    return "\n".join(dict.fromkeys(reversed(lines)))[:2000]
