"""The first secrets of an installation: made once, kept in Secrets Manager, shown to whoever deployed it once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from infra.aws.deployment import Deployment
from infra.errors import InfraError
from infra.secrets import first_secrets

NAMES: Final = ("api_secret", "admin_password", "publish_secret", "join_token")
_SHORTEST: Final = 16


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
    return first_secrets() | given


def ensure(deployment: Deployment, given: Mapping[str, str] | None = None) -> tuple[dict[str, str], bool]:
    """The installation's first secrets, and whether they were put there just now."""
    name = f"sluice/{deployment.stage}/bootstrap"
    client = deployment.client("secretsmanager")
    kept: dict[str, str] = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    if kept:
        return kept, False
    fresh = first_secrets() | dict(given or {})
    client.put_secret_value(SecretId=name, SecretString=json.dumps(fresh))
    return fresh, True
