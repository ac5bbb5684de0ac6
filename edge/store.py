"""Puts objects into the S3 store, streamed from their file, with a checksum that the store verifies."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from chalicelib.wire.edge import StoreCredentials

from .bounded import CallFailedError, call
from .credentials import Credentials
from .errors import StoreError, StoreExpiredError
from .signing import sign_s3

CHUNK: Final = 256 * 1024
PUT_BASE_S: Final = 30.0
SLOWEST_BYTES_S: Final = 50_000
"""An upload slower than this is given up and tried again."""
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>")
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
)
_FINAL: Final = frozenset({"EntityTooLarge", "InvalidArgument", "KeyTooLongError", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store acknowledged it."""

    bytes: int
    sha256: str
    """Hex."""


class Store:
    """The store of the credentials of the moment."""

    def __init__(self, credentials: Credentials, http: httpx.AsyncClient) -> None:
        self._credentials, self._http = credentials, http

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        """Store a file; durable there on return.

        Raises:
            StoreError: not stored. StoreExpiredError: new credentials are needed.
            OSError: the file cannot be read.
        """
        size, digest = await asyncio.to_thread(_digest, path)
        await self._put(key, _chunks(path), size, digest, content_type)
        return Stored(size, digest.hex())

    async def put_bytes(self, key: str, data: bytes, content_type: str) -> Stored:
        """Store a small object; durable there on return.

        Raises:
            StoreError: not stored. StoreExpiredError: new credentials are needed.
        """
        digest = hashlib.sha256(data).digest()
        await self._put(key, data, len(data), digest, content_type)
        return Stored(len(data), digest.hex())

    async def _put(
        self, key: str, content: bytes | AsyncIterator[bytes], size: int, digest: bytes, content_type: str
    ) -> None:
        credentials = await self._credentials.get()
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(size),
            "x-amz-checksum-sha256": base64.b64encode(digest).decode(),
        }
        url = object_url(credentials, key)
        signed = sign_s3(credentials, "PUT", url, headers, digest.hex())
        timeout_s = PUT_BASE_S + size / SLOWEST_BYTES_S
        try:
            answer = await call(self._http, "PUT", url, timeout_s=timeout_s, content=content, headers=signed)
        except CallFailedError as error:
            raise StoreError(f"the store gave no answer: {error}") from error
        if answer.status not in {200, 201, 204}:
            error_ = store_error(answer.status, answer.body)
            if isinstance(error_, StoreExpiredError):
                self._credentials.refuse(credentials)
            raise error_


def object_url(c: StoreCredentials, key: str) -> str:
    """Where an object lies: path style on an endpoint of one's own, virtual-host style on AWS."""
    path = quote(key, safe="/~")
    if c.s3_endpoint:
        return f"{c.s3_endpoint.rstrip('/')}/{c.bucket}/{path}"
    return f"https://{c.bucket}.s3.{c.region}.amazonaws.com/{path}"


def store_error(status: int, body: bytes) -> StoreError:
    """What an answer other than success means."""
    m = _CODE.search(body[:4096])
    code = m[1].decode() if m else ""
    message = f"the store answered {status} {code}".rstrip()
    # 403 without a known code: stores that are not AWS word it differently; new keys are the one thing to try.
    if code in _EXPIRED or status in {401, 403}:
        return StoreExpiredError(message)
    return StoreError(message, retryable=code not in _FINAL)


def _digest(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return file.tell(), digest


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
