"""The code on its way: packaged, and laid into a bucket that only this account reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from infra.aws.deployment import Deployment
from infra.aws.package import package
from infra.errors import InfraError

_CLOSED: Final = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_NOT_FOUND: Final = 404


def upload(deployment: Deployment) -> Path:
    """Package and upload; gives the template that names the code where it lies.

    Raises:
        InfraError: it could not be packaged, or the bucket is somebody else's.
    """
    template = package(deployment.stage, deployment.target, deployment.folder, deployment.source)
    ensure_bucket(deployment)
    packaged = template.with_name("packaged.json")
    argv = ["cloudformation", "package", "--template-file", str(template), "--s3-bucket", deployment.code_bucket]
    argv += ["--s3-prefix", "code", "--output-template-file", str(packaged), "--use-json"]
    deployment.aws(argv, "upload the code")
    return packaged


def has_bucket(deployment: Deployment) -> bool:
    """Whether the bucket for the code is there.

    Raises:
        InfraError: it is, and can't be used.
    """
    try:
        deployment.client("s3").head_bucket(Bucket=deployment.code_bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _NOT_FOUND:
            raise InfraError(f"The bucket {deployment.code_bucket} for the code can't be used: {error}") from error
        return False
    return True


def ensure_bucket(deployment: Deployment) -> None:
    """Make the bucket for the code, closed to everybody else, unless it is there."""
    if has_bucket(deployment):
        return
    client = deployment.client("s3")
    region = deployment.region
    elsewhere = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=deployment.code_bucket, **elsewhere)
    client.put_public_access_block(Bucket=deployment.code_bucket, PublicAccessBlockConfiguration=_CLOSED)
