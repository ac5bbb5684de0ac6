"""The first secrets of an installation: made once, kept in an encrypted parameter, shown to whoever deployed it once.

They go past CloudFormation, so that no template, parameter of a stack or event ever holds them. A parameter of Systems
Manager costs nothing, a secret of Secrets Manager $0.40 a month (decision 0097).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import ClientError

from infra.aws.deployment import Deployment
from infra.errors import InfraError
from infra.secrets import first_secrets

NAMES: Final = ("api_secret", "admin_password", "publish_secret", "join_token")
_SHORTEST: Final = 16
_LONGEST: Final = 4096
"""Characters of a standard parameter (Systems Manager, 'Parameter tiers')."""


def place(stage: str) -> str:
    """The name of the parameter that keeps them."""
    return f"/sluice/{stage}/bootstrap"


def former_place(stage: str) -> str:
    """The name of the secret that kept them in versions before."""
    return f"sluice/{stage}/bootstrap"


def checked(given: object) -> dict[str, str]:
    """Secrets of the owner's own.

    Raises:
        InfraError: they are not what is expected.
    """
    if not isinstance(given, dict) or set(given) - set(NAMES):
        raise InfraError(f"The first secrets are a JSON object of {', '.join(NAMES)}.")
    for name, value in given.items():
        if not isinstance(value, str) or len(value) < _SHORTEST:
            raise InfraError(f"{name} is a text of at least {_SHORTEST} characters.")
    made = first_secrets() | given
    if len(json.dumps(made)) > _LONGEST:
        raise InfraError(f"The first secrets are at most {_LONGEST} characters together, as JSON.")
    return made


def ensure(deployment: Deployment, given: Mapping[str, str] | None = None) -> tuple[dict[str, str], bool]:
    """The installation's first secrets, and whether they were made just now."""
    client = deployment.client("ssm")
    name = place(deployment.stage)
    try:
        said = client.get_parameter(Name=name, WithDecryption=True)
        return dict(json.loads(said["Parameter"]["Value"])), False
    except client.exceptions.ParameterNotFound:
        former = _former(deployment)
    made = former or first_secrets() | dict(given or {})
    client.put_parameter(
        Name=name,
        Description="The first secrets of this installation",
        Value=json.dumps(made),
        Type="SecureString",
        Tier="Standard",
        # Two deployments at once don't both make some.
        Overwrite=False,
    )
    if former:
        secret = former_place(deployment.stage)
        deployment.say(
            f"  the secret {secret} became the parameter {name}; once no rollback to a version before is wanted:"
        )
        deployment.say(f"  aws secretsmanager delete-secret --secret-id {secret} (it costs $0.40 a month)")
    return made, not former


def _former(deployment: Deployment) -> dict[str, str]:
    """What a version before keeps in Secrets Manager; its stack retains the secret when it is left out."""
    client = deployment.client("secretsmanager")
    try:
        said = client.get_secret_value(SecretId=former_place(deployment.stage))["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return {}
        raise
    return dict(json.loads(said))
