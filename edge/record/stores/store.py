"""The store of the moment: whatever the newest credentials name."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx

from chalicelib.wire.edge.desired import StoreCredentials
from edge.base.errors import StoreExpiredError
from edge.cloud.client import Cloud
from edge.cloud.credentials import Credentials
from edge.record.stores.content import Content, of_bytes, of_file
from edge.record.stores.folder import FolderStore
from edge.record.stores.host import HostStore
from edge.record.stores.presigned import PresignedStore
from edge.record.stores.s3 import S3Store


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store acknowledged it."""

    bytes: int
    sha256: str
    """Hex."""


class Store:
    """Puts objects where the cloud wants them. `folder`: its folder as this machine sees it, if it does."""

    def __init__(
        self, credentials: Credentials, cloud: Cloud, http: httpx.AsyncClient, folder: Path | None = None
    ) -> None:
        self._credentials = credentials
        self._bucket, self._host = S3Store(credentials, http), HostStore(cloud)
        self._presigned = PresignedStore(cloud, http)
        self.folder = FolderStore(folder) if folder is not None else None

    def report(self) -> dict[str, object]:
        """For the status page. `copies`: whether files have to be copied into the cloud's folder; None where they go
        elsewhere, and before the first.
        """
        to = self._credentials.current
        folder = None if to is None else self._own_folder(to)
        kind = None if to is None else "folder" if folder is not None else to.kind
        return {"kind": kind, "copies": None if folder is None else folder.copies}

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        """Store a file; durable there on return.

        Raises:
            StoreError: not stored. StoreExpiredError: new credentials are needed.
            OSError: the file cannot be read.
        """
        return await self._put(key, await of_file(path, content_type))

    async def put_bytes(self, key: str, data: bytes, content_type: str) -> Stored:
        """Store a small object; durable there on return.

        Raises:
            StoreError: not stored. StoreExpiredError: new credentials are needed.
        """
        return await self._put(key, of_bytes(data, content_type))

    async def _put(self, key: str, content: Content) -> Stored:
        to = await self._credentials.get()
        if to.kind == "s3":
            await self._bucket.put(to, key, content)
        elif to.kind == "presigned":
            await self._put_presigned(to, key, content)
        elif (folder := self._own_folder(to)) is not None:
            await asyncio.to_thread(folder.put, key, content)
        else:
            await self._host.put(key, content)
        return Stored(content.size, content.digest.hex())

    async def _put_presigned(self, to: StoreCredentials, key: str, content: Content) -> None:
        try:
            await self._presigned.put(key, content)
        except StoreExpiredError:
            self._credentials.refuse(to)
            raise

    def _own_folder(self, to: StoreCredentials) -> FolderStore | None:
        return self.folder if self.folder is not None and self.folder.is_that(to.folder) else None
