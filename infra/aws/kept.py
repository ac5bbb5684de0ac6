"""What may not be replaced: a new table, bucket or secret begins empty, whatever became of the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.aws.deployment import Deployment
from infra.errors import InfraError

_REPLACES: Final = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName", "ObjectLockEnabled"),
    "AWS::SecretsManager::Secret": ("Name",),
}
"""Properties by whose change CloudFormation makes a new resource ('Update requires: Replacement')."""


_MOVED: Final = frozenset({"BootstrapSecret"})
"""What versions before kept in the stack and `first_secrets` takes over; the stack retains it."""


def replaced(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What of the resources `before` would be another one `after`, or none, with the reason."""
    for name, old in before.items():
        new = after.get(name)
        if old["Type"] not in _REPLACES or (new is None and name in _MOVED):
            continue
        if new is None or new["Type"] != old["Type"]:
            yield f"{name} is not in the template any more"
            continue
        for key in _REPLACES[old["Type"]]:
            if old.get("Properties", {}).get(key) != new.get("Properties", {}).get(key):
                yield f"{name} would have another {key}"


def refuse_replacement(deployment: Deployment, template: Mapping[str, Any]) -> None:
    """Compare with what is deployed.

    Raises:
        InfraError: data would be lost.
    """
    try:
        said = deployment.client("cloudformation").get_template(StackName=deployment.data_stack)["TemplateBody"]
    except ClientError as error:
        if "does not exist" in str(error):
            return
        raise
    # botocore reads JSON by itself, which is what we deploy.
    if isinstance(said, Mapping) and (lost := list(replaced(said.get("Resources", {}), template["Resources"]))):
        raise InfraError(
            f"This deployment would begin with an empty place instead of what is there: {'; '.join(lost)}.",
            hint="Data is moved by hand: `sluice backup`, another stage, `sluice restore`. Nothing was changed.",
        )
