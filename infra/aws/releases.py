"""What was deployed and found good, kept in the code bucket, so that going back needs neither the commit nor a build.

`releases/<stage>/<time>.json` holds the packaged template, which names its code by content, and the parameters.
`releases/<stage>/current` names the one in force; `tried` the last deployment that was begun.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.aws.deployment import Deployment
from infra.errors import InfraError


@dataclass(frozen=True)
class Release:
    """A deployment that can be made again. `name` is when it was begun."""

    name: str
    template: str
    parameters: Mapping[str, str]


class Releases:
    """Those of one stage."""

    def __init__(self, deployment: Deployment) -> None:
        self._bucket = deployment.code_bucket
        self._prefix = f"releases/{deployment.stage}/"
        self._s3 = deployment.client("s3")

    def begin(self, template: str, parameters: Mapping[str, str], now: datetime | None = None) -> Release:
        """A deployment begins."""
        release = Release(f"{now or datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}", template, dict(parameters))
        self._put("tried", release.name)
        return release

    def good(self, release: Release) -> None:
        """It ended well: this is what a later one goes back to."""
        kept = {"template": release.template, "parameters": dict(release.parameters)}
        self._put(f"{release.name}.json", json.dumps(kept))
        self._put("current", release.name)
        self._put("tried", release.name)

    def before(self) -> Release:
        """What to go back to: the last good one when the last deployment failed, else the one before it.

        Raises:
            InfraError: there is none.
        """
        current, tried = self._get("current"), self._get("tried")
        names = sorted(n for n in self._names() if n < current or (n == current and tried != current))
        if not names:
            raise InfraError("There is no earlier deployment to go back to.", hint="Deploy the commit that you want.")
        kept = json.loads(self._get(f"{names[-1]}.json"))
        return Release(names[-1], kept["template"], kept["parameters"])

    def in_force(self, release: Release) -> None:
        """It was gone back to."""
        self._put("current", release.name)
        self._put("tried", release.name)

    def forget(self) -> None:
        """Remove all of them; the code stays, as other stages may share it."""
        for name in [*(f"{n}.json" for n in self._names()), "current", "tried"]:
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _names(self) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        keys: list[dict[str, Any]] = [entry for page in pages for entry in page.get("Contents", [])]
        names = [entry["Key"].removeprefix(self._prefix) for entry in keys]
        return [name.removesuffix(".json") for name in names if name.endswith(".json")]

    def _put(self, name: str, text: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=text.encode())

    def _get(self, name: str) -> str:
        try:
            return str(self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read().decode())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return ""
            raise
