"""Deploys the whole installation, shows what would change, and goes back: the same steps for AWS and the emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from infra.aws import code, first_secrets, site, smoke, stacks
from infra.aws.deployment import Deployment
from infra.aws.kept import refuse_replacement
from infra.aws.package import data_template
from infra.aws.releases import Releases
from infra.errors import InfraError

_KEPT_FOR_ADMISSION: Final = 50
_LEFT_TO_OTHERS: Final = 100
"""AWS insists that so many executions of an account stay unreserved."""
_NOT_YET: Final = "arn:aws:dynamodb:us-east-1:000000000000:table/not-yet/stream/2000-01-01T00:00:00.000"


@dataclass(frozen=True)
class Deployed:
    """What came of it. `first`: the first secrets; `fresh`: they were made now, and are shown this once."""

    outputs: Mapping[str, str]
    first: Mapping[str, str]
    fresh: bool


def deploy(deployment: Deployment, given: Mapping[str, str] | None = None) -> Deployed:
    """Everything, in order. What is there already stays or is changed; done twice it is as done once.

    Raises:
        InfraError: a step failed; the message says which and why. Deploy again when it is mended.
    """
    deployment.say(f"Deploying stage {deployment.stage} to account {deployment.account}, {deployment.region}.")
    with deployment.step("state, recordings and the master key"):
        _refuse_to_overwrite(deployment)
        refuse_replacement(deployment, data_template())
        code.ensure_bucket(deployment)
        kept = stacks.deploy(deployment, deployment.data_stack, _data(deployment), {"Stage": deployment.stage})
        _enable_expiry(deployment)
    with deployment.step("first secrets"):
        first, fresh = first_secrets.ensure(deployment, given)
    with deployment.step("packages: functions and FFmpeg"):
        template = code.upload(deployment)
    releases = Releases(deployment)
    release = releases.begin(template.read_text(), _parameters(deployment, kept))
    with deployment.step("functions, queues and addresses"):
        made = stacks.deploy(deployment, deployment.stack, template, release.parameters)
        if "PublicUrl" not in deployment.parameters and release.parameters.get("PublicUrl") != made["SiteUrl"]:
            # The functions name the address in links, and it is known only once it is made.
            release = replace(release, parameters={**release.parameters, "PublicUrl": made["SiteUrl"]})
            made = stacks.deploy(deployment, deployment.stack, template, release.parameters)
    with deployment.step("console, and the keys of its origin"):
        site.publish(deployment, made)
    with deployment.step("smoke test"):
        smoke.test(deployment.reach(made), first)
    releases.good(release)
    return Deployed(made, first, fresh)


def diff(deployment: Deployment) -> list[str]:
    """What `deploy` would change, a line for each resource. The package is uploaded to be compared, no more."""
    code.ensure_bucket(deployment)
    kept = stacks.outputs(deployment, deployment.data_stack)
    lines = stacks.changes(deployment, deployment.data_stack, _data(deployment), {"Stage": deployment.stage})
    template = code.upload(deployment)
    parameters = _parameters(deployment, kept or {"TableStream": _NOT_YET})
    return lines + stacks.changes(deployment, deployment.stack, template, parameters)


def rollback(deployment: Deployment) -> Deployed:
    """Go back to the last deployment that was found good, or to the one before it when that is in force. State and
    recordings stay as they are.

    Raises:
        InfraError: there is none, or it can't be deployed any more.
    """
    releases = Releases(deployment)
    release = releases.before()
    deployment.say(f"Going back to the deployment of {release.name}, stage {deployment.stage}, {deployment.account}.")
    template = deployment.folder / "release.json"
    template.write_text(release.template)
    with deployment.step("functions, queues and addresses"):
        made = stacks.deploy(deployment, deployment.stack, template, release.parameters)
    first, _ = first_secrets.ensure(deployment)
    with deployment.step("smoke test"):
        smoke.test(deployment.reach(made), first)
    releases.in_force(release)
    return Deployed(made, first, fresh=False)


def _data(deployment: Deployment) -> Path:
    path = deployment.folder / "data.json"
    path.write_text(json.dumps(data_template(), indent=1))
    return path


def _parameters(deployment: Deployment, kept: Mapping[str, str]) -> dict[str, str]:
    given = deployment.parameters
    concurrency = {} if "EdgeConcurrency" in given else {"EdgeConcurrency": str(_for_admission(deployment))}
    before = stacks.outputs(deployment, deployment.stack) or {}
    known = {"PublicUrl": before["SiteUrl"]} if "SiteUrl" in before else {}
    network = {} if "TaskSubnets" in given else _default_network(deployment)
    found = {"Stage": deployment.stage, "TableStream": kept["TableStream"], "AccessLog": _access_log(deployment)}
    return {**found, **known, **concurrency, **network, **given}


def _access_log(deployment: Deployment) -> str:
    """Whether the gateway can log: an account's gateways may once it has given them a role for that, all of them."""
    if deployment.client("apigateway").get_account().get("cloudwatchRoleArn"):
        return "on"
    deployment.say("  this account's gateways may write no logs (docs/deploy-aws.md): there is no access log")
    return "off"


def _default_network(deployment: Deployment) -> dict[str, str]:
    """Where tasks run when nobody said it: the account's default network, if it has one."""
    ec2 = deployment.client("ec2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    if not subnets:
        deployment.say("  this account has no default network: recordings over 4 GB are left to the function")
        return {}
    vpc = subnets[0]["VpcId"]
    return {"TaskVpc": vpc, "TaskSubnets": ",".join(sorted(s["SubnetId"] for s in subnets if s["VpcId"] == vpc))}


def _for_admission(deployment: Deployment) -> int:
    """How many executions are kept for admission: a new account has too few for that."""
    limits = deployment.client("lambda").get_account_settings()["AccountLimit"]
    enough = int(limits["ConcurrentExecutions"]) >= _KEPT_FOR_ADMISSION + _LEFT_TO_OTHERS
    if not enough:
        deployment.say("  this account may run too few functions at once for some to be kept for admission")
    return _KEPT_FOR_ADMISSION if enough else 0


def _refuse_to_overwrite(deployment: Deployment) -> None:
    """A table without its stack is somebody's data: an emulator would empty it, AWS would fail half-way."""
    if stacks.outputs(deployment, deployment.data_stack) is not None:
        return
    try:
        deployment.client("dynamodb").describe_table(TableName=deployment.stack)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return
        raise
    raise InfraError(
        f"There is a table {deployment.stack}, but no stack {deployment.data_stack} that it belongs to.",
        hint="Import the table into a stack, choose another stage, or delete the table if its data is not wanted.",
    )


def _enable_expiry(deployment: Deployment) -> None:
    """The emulator of the tests ignores the template's TTL; on AWS it is on by now, and this does nothing."""
    client = deployment.client("dynamodb")
    found = client.describe_time_to_live(TableName=deployment.stack)["TimeToLiveDescription"]
    if found.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
        return
    wanted = {"Enabled": True, "AttributeName": "expires_at"}
    client.update_time_to_live(TableName=deployment.stack, TimeToLiveSpecification=wanted)
