"""Deploys the packaged application: the same steps for AWS and for the emulator of the tests.

`AWS_ENDPOINT_URL` alone says which. The steps are Chalice's and AWS's own commands, so that they can be followed and
done by hand; `docs` of each step is the tool's.

    python -m infra.aws.deploy --stage prod --bucket my-deployments [--diff] [--set PublicUrl=https://…]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.aws.package import package
from infra.aws.vendor import Target
from infra.errors import InfraError
from infra.paths import BUILD, ROOT, tool

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class Deployment:
    """One installation: `stage` names it, `bucket` takes the code, `environment` says which cloud and who asks."""

    stage: str
    bucket: str
    folder: Path
    target: Target
    environment: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    source: Path = ROOT

    @property
    def stack(self) -> str:
        """The stack's name; the table bears it too."""
        return f"sluice-{self.stage}"

    def client(self, service: str) -> Any:
        """A client of the cloud that this deployment goes to."""
        environment = self.environment
        session = boto3.session.Session(
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            profile_name=environment.get("AWS_PROFILE"),
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        )
        return session.client(service, endpoint_url=environment.get("AWS_ENDPOINT_URL"))  # type: ignore[call-overload]


def outputs(deployment: Deployment) -> dict[str, str] | None:
    """The stack's outputs, or None when there is no such stack, or only the remains of a failed first deployment."""
    try:
        found = deployment.client("cloudformation").describe_stacks(StackName=deployment.stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}:
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def deploy(deployment: Deployment) -> dict[str, str]:
    """Package, upload, deploy; returns the outputs. Raises InfraError with the tool's own words."""
    _refuse_to_overwrite(deployment)
    template = _upload(deployment, package(deployment.stage, deployment.target, deployment.folder, deployment.source))
    _run(deployment, _deploy_command(deployment, template), "deploy the stack")
    _enable_expiry(deployment)
    made = outputs(deployment)
    if made is None:
        raise InfraError(f"The stack {deployment.stack} is not there after it was deployed.")
    return made


def diff(deployment: Deployment) -> list[str]:
    """What `deploy` would change, a line for each resource; nothing is changed."""
    template = _upload(deployment, package(deployment.stage, deployment.target, deployment.folder, deployment.source))
    said = _run(deployment, [*_deploy_command(deployment, template), "--no-execute-changeset"], "make a change set")
    found = re.search(r"--change-set-name\s+(\S+)", said)
    if not found:
        return []
    client = deployment.client("cloudformation")
    changes = client.describe_change_set(StackName=deployment.stack, ChangeSetName=found[1])["Changes"]
    client.delete_change_set(StackName=deployment.stack, ChangeSetName=found[1])
    return [_change_line(change["ResourceChange"]) for change in changes]


def _change_line(change: Mapping[str, Any]) -> str:
    replaced = " (REPLACED: its data is lost)" if change.get("Replacement") == "True" else ""
    return f"{change['Action'].lower():8} {change['ResourceType']:38} {change['LogicalResourceId']}{replaced}"


def _refuse_to_overwrite(deployment: Deployment) -> None:
    """A table without its stack is somebody's data: an emulator would empty it, AWS would fail half-way."""
    if outputs(deployment) is not None:
        return
    try:
        deployment.client("dynamodb").describe_table(TableName=deployment.stack)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return
        raise
    raise InfraError(
        f"There is a table {deployment.stack}, but no stack {deployment.stack} that it belongs to.",
        hint="Import the table into a stack, rename the stage, or delete the table if its data is not wanted.",
    )


def _upload(deployment: Deployment, template: Path) -> Path:
    """Put the zip into the bucket; returns the template that points there."""
    _ensure_bucket(deployment)
    packaged = template.with_name("packaged.json")
    argv = ["cloudformation", "package", "--template-file", str(template), "--s3-bucket", deployment.bucket]
    argv += ["--s3-prefix", "code", "--output-template-file", str(packaged), "--use-json"]
    _run(deployment, argv, "upload the code")
    return packaged


def _ensure_bucket(deployment: Deployment) -> None:
    client = deployment.client("s3")
    try:
        client.head_bucket(Bucket=deployment.bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise InfraError(f"The bucket {deployment.bucket} for the code can't be used: {error}") from error
        region = client.meta.region_name
        elsewhere = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=deployment.bucket, **elsewhere)


def _deploy_command(deployment: Deployment, template: Path) -> list[str]:
    argv = ["cloudformation", "deploy", "--template-file", str(template), "--stack-name", deployment.stack]
    argv += ["--s3-bucket", deployment.bucket, "--s3-prefix", "code", "--no-fail-on-empty-changeset"]
    return [*argv, "--capabilities", *_CAPABILITIES, "--parameter-overrides", _parameters(deployment)]


def _parameters(deployment: Deployment) -> str:
    """Parameters go by a file that only we can read: an argument list is visible to every user of the machine."""
    values = {"Stage": deployment.stage, **deployment.parameters}
    path = deployment.folder / "parameters.json"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump([f"{key}={value}" for key, value in values.items()], file)
    return f"file://{path}"


def _run(deployment: Deployment, argv: list[str], what: str) -> str:
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), **deployment.environment}
    done = subprocess.run([tool("aws"), *argv], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InfraError(f"Could not {what}:\n{(done.stdout + done.stderr).strip()[-3000:]}")
    return done.stdout


def _enable_expiry(deployment: Deployment) -> None:
    """The emulator of the tests ignores the template's TTL; on AWS it is on by now, and this does nothing."""
    client = deployment.client("dynamodb")
    found = client.describe_time_to_live(TableName=deployment.stack)["TimeToLiveDescription"]
    if found.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
        return
    wanted = {"Enabled": True, "AttributeName": "expires_at"}
    client.update_time_to_live(TableName=deployment.stack, TimeToLiveSpecification=wanted)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.aws.deploy", description="Deploy Sluice to AWS.")
    parser.add_argument("--stage", required=True, help="names everything of this installation")
    parser.add_argument("--bucket", required=True, help="takes the code; made when it is not there")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template")
    parser.add_argument("--bootstrap-file", type=Path, help="JSON with the first secrets; see the template's Bootstrap")
    parser.add_argument("--diff", action="store_true", help="show what would change, change nothing")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    asked = _arguments(sys.argv[1:] if argv is None else argv)
    parameters = dict(pair.split("=", 1) for pair in asked.set)
    if asked.bootstrap_file:
        parameters["Bootstrap"] = asked.bootstrap_file.read_text()
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        deployment = Deployment(
            asked.stage, asked.bucket, Path(folder), Target.aws(), dict(os.environ), parameters=parameters
        )
        try:
            lines = diff(deployment) if asked.diff else [f"{k} = {v}" for k, v in sorted(deploy(deployment).items())]
        except InfraError as error:
            sys.stderr.write(f"{error}\n{error.hint}\n")
            return 1
    sys.stdout.write("\n".join(lines or ["no changes"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
