"""The master key of the attributes, in Secrets Manager; what the installation was given, in a parameter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.ports.upkeep import Bootstrap

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from .api import Parameters, Secrets


class AwsVault:
    """`Vault` on AWS. Reads each once and keeps it for the life of the process.

    `master`: the secret's name or ARN; `bootstrap`: the parameter's name (a SecureString, decision 0097).
    """

    def __init__(
        self, secrets: SecretsManagerClient | Secrets, parameters: Parameters, master: str, bootstrap: str
    ) -> None:
        self._secrets = secrets
        self._parameters = parameters
        self._master_name = master
        self._bootstrap_name = bootstrap
        self._master: str | None = None
        self._bootstrap: Bootstrap | None = None

    def master(self) -> str:
        """The master secret that attribute encryption derives its key from."""
        if self._master is None:
            said = self._secrets.get_secret_value(SecretId=self._master_name)
            self._master = str(json.loads(said["SecretString"])["master"])
        return self._master

    def bootstrap(self) -> Bootstrap:
        """What the installation was given or generated."""
        if self._bootstrap is None:
            said = self._parameters.get_parameter(Name=self._bootstrap_name, WithDecryption=True)
            values = json.loads(said["Parameter"]["Value"])
            self._bootstrap = Bootstrap(
                api_secret=values["api_secret"],
                publish_secret=values["publish_secret"],
                admin_password=values["admin_password"],
                join_token=values["join_token"],
            )
        return self._bootstrap
