"""Keys for the edges, cut down to one node's prefix and queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from chalicelib.ports.objects import NodeCredentials

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

    from .api import Sts

LIFE_S: Final = 3600


def _policy(partition: str, bucket: str, node: str, queue_arn: str | None) -> dict[str, Any]:
    put = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"arn:{partition}:s3:::{bucket}/recordings/*/{node}/*",
    }
    statements: list[dict[str, Any]] = [put]
    if queue_arn:
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        statements.append({"Effect": "Allow", "Action": actions, "Resource": queue_arn})
    return {"Version": "2012-10-17", "Statement": statements}


def _queue_arn(partition: str, url: str | None, region: str) -> str | None:
    """An SQS queue's ARN from its URL, which ends in /<account>/<name>."""
    if url is None:
        return None
    account, name = urlsplit(url).path.strip("/").split("/")[-2:]
    return f"arn:{partition}:sqs:{region}:{account}:{name}"


class StsIssuer:
    """`CredentialIssuer` by AssumeRole with a session policy."""

    def __init__(self, client: STSClient | Sts, role_arn: str, bucket: str, region: str, endpoint: str | None) -> None:
        self._sts = client
        self._role = role_arn
        self._bucket = bucket
        self._region = region
        self._endpoint = endpoint

    def current_store(self) -> str:
        """See `CredentialIssuer`."""
        return ""

    def issue(self, node: str, queue_url: str | None) -> NodeCredentials:
        """See `CredentialIssuer`."""
        partition = self._role.split(":")[1]  # aws, aws-cn or aws-us-gov
        policy = _policy(partition, self._bucket, node, _queue_arn(partition, queue_url, self._region))
        answer = self._sts.assume_role(
            RoleArn=self._role, RoleSessionName=node, Policy=json.dumps(policy), DurationSeconds=LIFE_S
        )
        keys = answer["Credentials"]
        return NodeCredentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
            expires_at=keys["Expiration"],
            region=self._region,
            bucket=self._bucket,
            endpoint=self._endpoint,
            queue_url=queue_url,
        )
