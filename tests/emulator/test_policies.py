"""What the roles may not do is denied: asked as each of them, of the emulator, which evaluates their policies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.aws.policies import roles

from .cloud import ACCOUNT, BUCKET, REGION, STAGE, Cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

TABLE: Final = f"sluice-{STAGE}"
Call = Callable[[Callable[[str], Any]], Any]


def queue(name: str) -> str:
    return f"http://127.0.0.1/{ACCOUNT}/sluice-{STAGE}-{name}"


NOBODY: Final[dict[str, Call]] = {
    "remove the table": lambda c: c("dynamodb").delete_table(TableName=TABLE),
    "scan the table": lambda c: c("dynamodb").scan(TableName=TABLE),
    "read another table": lambda c: c("dynamodb").get_item(
        TableName="others", Key={"pk": {"S": "x"}, "sk": {"S": "x"}}
    ),
    "read objects beside the recordings": lambda c: c("s3").get_object(Bucket=BUCKET, Key="site/index.html"),
    "list all buckets": lambda c: c("s3").list_buckets(),
    "open the bucket": lambda c: c("s3").delete_bucket_policy(Bucket=BUCKET),
    "change secrets": lambda c: c("secretsmanager").put_secret_value(
        SecretId=f"sluice/{STAGE}/master", SecretString="x"
    ),
    "read other secrets": lambda c: c("secretsmanager").get_secret_value(SecretId="others"),
    "change first secrets": lambda c: c("ssm").put_parameter(
        Name=f"/sluice/{STAGE}/bootstrap", Value="x", Type="SecureString", Overwrite=True
    ),
    "read other parameters": lambda c: c("ssm").get_parameter(Name="/others", WithDecryption=True),
    "list parameters": lambda c: c("ssm").get_parameters_by_path(Path=f"/sluice/{STAGE}", WithDecryption=True),
    "make a user": lambda c: c("iam").create_user(UserName="mallory"),
    "change code": lambda c: c("lambda").update_function_code(FunctionName=f"{TABLE}-edge", ZipFile=b"x"),
    "empty a queue": lambda c: c("sqs").purge_queue(QueueUrl=queue("callbacks")),
    "remove a work queue": lambda c: c("sqs").delete_queue(QueueUrl=queue("callbacks")),
}
READ: Final[Call] = lambda c: c("s3").get_object(Bucket=BUCKET, Key="recordings/x")  # noqa: E731
WRITE: Final[Call] = lambda c: c("s3").put_object(Bucket=BUCKET, Key="recordings/x", Body=b"x")  # noqa: E731
DELETE: Final[Call] = lambda c: c("s3").delete_object(Bucket=BUCKET, Key="recordings/x")  # noqa: E731
FIRST: Final[Call] = lambda c: c("ssm").get_parameter(Name=f"/sluice/{STAGE}/bootstrap", WithDecryption=True)  # noqa: E731
NODE: Final[Call] = lambda c: c("sts").assume_role(  # noqa: E731
    RoleArn=f"arn:aws:iam::{ACCOUNT}:role/sluice-{STAGE}-node", RoleSessionName="mallory"
)
TASK: Final[Call] = lambda c: c("ecs").run_task(cluster=TABLE, taskDefinition=f"{TABLE}-finish")  # noqa: E731
ONLY: Final[dict[str, list[tuple[str, Call]]]] = {
    "ApiRole": [("write recordings", WRITE), ("hand out node credentials", NODE), ("start tasks", TASK)],
    "EdgeRole": [("read recordings", READ), ("write", WRITE), ("delete", DELETE), ("start tasks", TASK)],
    "OnTableRole": [("read recordings", READ), ("write", WRITE), ("nodes", NODE)],
    "OnCallbacksRole": [("read recordings", READ), ("write", WRITE), ("first secrets", FIRST), ("nodes", NODE)],
    "OnFinishRole": [("first secrets", FIRST), ("hand out node credentials", NODE)],
    "OnObjectsRole": [("write", WRITE), ("delete", DELETE), ("first secrets", FIRST), ("nodes", NODE)],
    "OnMinuteRole": [("read recordings", READ), ("write", WRITE), ("nodes", NODE)],
    "OnTaskRole": [("read recordings", READ), ("write", WRITE), ("delete", DELETE), ("start tasks", TASK)],
    "FinishTaskRole": [("first secrets", FIRST), ("nodes", NODE), ("start tasks", TASK)],
    "TaskStartRole": [("read recordings", READ), ("first secrets", FIRST), ("nodes", NODE)],
    "NodeRole": [("read recordings", READ), ("delete", DELETE), ("first secrets", FIRST), ("start tasks", TASK)],
}


def as_role(cloud: Cloud, name: str) -> Callable[[str], Any]:
    """Clients with the keys of a role."""
    root = cloud.deployment()
    found = root.client("cloudformation").describe_stack_resource(StackName=root.stack, LogicalResourceId=name)
    role = found["StackResourceDetail"]["PhysicalResourceId"]
    arn = root.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["Arn"]
    # Nobody but the edges' function becomes a node.
    asks = as_role(cloud, "EdgeRole") if name == "NodeRole" else root.client
    keys = asks("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
    return lambda service: session.client(service, endpoint_url=cloud.endpoint)  # type: ignore[call-overload]


def refused(call: Call, client: Callable[[str], Any]) -> str:
    try:
        call(client)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


def test_every_role_is_asked() -> None:
    assert sorted(ONLY) == sorted(roles())


@pytest.mark.parametrize("name", sorted(ONLY))
def test_a_role_may_not(cloud: Cloud, name: str) -> None:
    client = as_role(cloud, name)
    asked = [*NOBODY.items(), *ONLY[name]]
    said = {what: refused(call, client) for what, call in asked}
    assert {what: code for what, code in said.items() if "AccessDenied" not in code} == {}
