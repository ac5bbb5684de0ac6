"""Snapshot files in the bucket, without an SDK: by signed addresses, of which a node gets one, too (decision 60)."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from chalicelib.domain.errors import NotFoundError, UnavailableError

from .api import endpoint_of, keys_of_environment, opened
from .signing import Keys, presigned

FOLDER: Final = "snapshots/"
LIFE_S: Final = 900
_GONE: Final = (403, 404)
"""S3 says 403 of what is not there to who may not list (S3 API, 'GetObject', 'Permissions')."""


class S3Snapshots:
    """See `SnapshotFiles`. `reached_at`: where nodes reach S3; '': where we do."""

    def __init__(
        self, bucket: str, region: str, reached_at: str = "", keys: Callable[[], Keys] = keys_of_environment
    ) -> None:
        self._bucket, self._region, self._keys = bucket, region, keys
        self._endpoint = endpoint_of("s3", region)
        self._reached_at = reached_at or self._endpoint

    def _url(self, method: str, name: str, endpoint: str, life_s: int = 60) -> str:
        path = f"/{self._bucket}/{FOLDER}{name}"
        return presigned(self._keys(), method, self._region, endpoint, path, life_s, datetime.now(UTC))

    def _ask(self, method: str, name: str, body: bytes | None = None) -> bytes:
        url = urlsplit(self._url(method, name, self._endpoint))
        connection = opened(url)
        try:
            connection.request(method, f"{url.path}?{url.query}", body)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError("the bucket does not answer; try again") from error
        finally:
            connection.close()
        if answer.status in _GONE and method == "GET":
            raise NotFoundError("the file is not in the store")
        if answer.status >= 300:
            raise UnavailableError(f"the bucket answered {answer.status}; try again")
        return said

    def write(self, name: str, body: bytes) -> None:
        """See `SnapshotFiles`."""
        self._ask("PUT", name, body)

    def read(self, name: str) -> bytes:
        """See `SnapshotFiles`."""
        return self._ask("GET", name)

    def remove(self, name: str) -> None:
        """See `SnapshotFiles`."""
        self._ask("DELETE", name)

    def link(self, name: str) -> str:
        """See `SnapshotFiles`."""
        return self._url("GET", name, self._reached_at, LIFE_S)
