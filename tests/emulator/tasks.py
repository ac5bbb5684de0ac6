"""A task of Fargate as the emulator does not run it: a process with exactly the environment that ECS would give it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from .cloud import REGION, Cloud


def started(cloud: Cloud) -> list[dict[str, Any]]:
    """All tasks that were asked for, as ECS describes them."""
    ecs = cloud.deployment().client("ecs")
    arns = ecs.list_tasks(cluster="sluice-test")["taskArns"]
    return list(ecs.describe_tasks(cluster="sluice-test", tasks=arns)["tasks"]) if arns else []


def run(cloud: Cloud, task: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    """The command of its definition, with the environments of definition and request and the keys of its role."""
    deployment = cloud.deployment()
    described = deployment.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])
    definition = described["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    (overrides,) = task["overrides"]["containerOverrides"]
    given = {e["name"]: e["value"] for e in [*container["environment"], *overrides["environment"]]}
    keys = deployment.client("sts").assume_role(RoleArn=definition["taskRoleArn"], RoleSessionName="task")
    (entry, option), (program,) = container["entryPoint"], container["command"]
    assert (entry, option) == ("python3", "-c")
    environment = {
        **given,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": keys["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["Credentials"]["SessionToken"],
        "TASK_FOLDER": str(folder),
    }
    with (folder / "task.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=folder, stdout=log, stderr=log)
