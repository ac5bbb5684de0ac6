"""Secrets Manager: the master key of the attributes, and what the installation was given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.ports.upkeep import Bootstrap

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from .api import Secrets


class SecretsVault:
    """`Vault` on Secrets Manager. Reads secrets once and keeps them for the life of the process."""

    def __init__(self, client: SecretsManagerClient | Secrets, master_arn: str, bootstrap_arn: str) -> None:
        self._client = client
        self._master_arn = master_arn
        self._bootstrap_arn = bootstrap_arn
        self._master: str | None = None
        self._bootstrap: Bootstrap | None = None

    def _read(self, arn: str) -> dict[str, str]:
        return dict(json.loads(self._client.get_secret_value(SecretId=arn)["SecretString"]))

    def master(self) -> str:
        """The master secret that attribute encryption derives its key from."""
        if self._master is None:
            self._master = self._read(self._master_arn)["master"]
        return self._master

    def bootstrap(self) -> Bootstrap:
        """What the installation was given or generated."""
        if self._bootstrap is None:
            values = self._read(self._bootstrap_arn)
            self._bootstrap = Bootstrap(
                api_secret=values["api_secret"],
                publish_secret=values["publish_secret"],
                admin_password=values["admin_password"],
                join_token=values["join_token"],
            )
        return self._bootstrap
