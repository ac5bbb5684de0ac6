"""Removes an installation. Its state, recordings and secrets stay unless they are named, too."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import ClientError

from infra.aws import code, first_secrets, stacks
from infra.aws.deployment import Deployment
from infra.aws.releases import Releases

_GONE: Final = frozenset({
    "NoSuchBucket", "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "404", "QueueDoesNotExist",
    "ParameterNotFound",
})  # fmt: skip


def destroy(deployment: Deployment, *, data: bool = False) -> None:
    """Remove functions, queues, roles and addresses, and the queues of the nodes; with `data` everything.

    Raises:
        InfraError: something could not be removed. Call it again when that is mended.
    """
    where = f"stage {deployment.stage}, account {deployment.account}, {deployment.region}"
    deployment.say(f"Removing the functions of {where}." + (" AND ALL ITS DATA." if data else " Its data stays."))
    with deployment.step("queues of nodes"):
        _node_queues(deployment)
    with deployment.step("functions, queues and addresses"):
        stacks.remove(deployment, deployment.stack)
    if code.has_bucket(deployment):
        Releases(deployment).forget()
    if data:
        with deployment.step("state, recordings and secrets"):
            _data(deployment)


def _node_queues(deployment: Deployment) -> None:
    client = deployment.client("sqs")
    pages = client.get_paginator("list_queues").paginate(QueueNamePrefix=f"sluice-{deployment.stage}-node-")
    for url in [url for page in pages for url in page.get("QueueUrls", [])]:
        _unless_gone(client.delete_queue, QueueUrl=url)


def _data(deployment: Deployment) -> None:
    """The stack keeps what it holds when it is deleted, so that nothing is lost by accident: here it is meant."""
    stage = deployment.stage
    bucket = f"sluice-{stage}-{deployment.account}-{deployment.region}"
    stacks.remove(deployment, deployment.data_stack)
    _unless_gone(_empty, deployment.client("s3"), bucket)
    _unless_gone(deployment.client("s3").delete_bucket, Bucket=bucket)
    _unless_gone(deployment.client("dynamodb").delete_table, TableName=deployment.stack)
    _unless_gone(deployment.client("ssm").delete_parameter, Name=first_secrets.place(stage))
    for secret in (f"sluice/{stage}/master", first_secrets.former_place(stage)):
        # At once: a name that waits for its deletion could not be used by the next installation.
        _unless_gone(
            deployment.client("secretsmanager").delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True
        )


def _empty(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
        if keys:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _unless_gone(call: Any, *args: Any, **more: Any) -> None:
    try:
        call(*args, **more)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
