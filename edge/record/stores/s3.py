"""Puts objects into a bucket, streamed from their file, with a checksum that the store verifies."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import httpx

from chalicelib.wire.edge.desired import StoreCredentials
from edge.base.bounded import Answer, CallFailedError, call
from edge.base.errors import StoreError, StoreExpiredError
from edge.cloud.credentials import Credentials
from edge.record.stores.content import Content

_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>")
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
)
_FINAL: Final = frozenset({"EntityTooLarge", "InvalidArgument", "KeyTooLongError", "MethodNotAllowed"})


class S3Store:
    """The bucket that the credentials name."""

    def __init__(self, credentials: Credentials, http: httpx.AsyncClient) -> None:
        self._credentials, self._http = credentials, http

    async def put(self, to: StoreCredentials, key: str, content: Content) -> None:
        """Store an object.

        Raises:
            StoreError: not stored. StoreExpiredError: new credentials are needed.
        """
        headers = {
            "Content-Type": content.type,
            "Content-Length": str(content.size),
            "x-amz-checksum-sha256": content.checksum,
        }
        from edge.cloud.signing import sign_s3  # botocore takes 5 MB, which an agent without a bucket never needs

        url = object_url(to, key)
        signed = sign_s3(to, "PUT", url, headers, content.digest.hex())
        try:
            answer = await call(
                self._http, "PUT", url, timeout_s=content.timeout_s, content=content.stream(), headers=signed
            )
        except CallFailedError as error:
            raise StoreError(f"the store gave no answer: {error}") from error
        try:
            check_stored(answer, content)
        except StoreExpiredError:
            self._credentials.refuse(to)
            raise


def object_url(c: StoreCredentials, key: str) -> str:
    """Where an object lies: path style on an endpoint of one's own, virtual-host style on AWS."""
    path = quote(key, safe="/~")
    if c.s3_endpoint:
        return f"{c.s3_endpoint.rstrip('/')}/{c.bucket}/{path}"
    return f"https://{c.bucket}.s3.{c.region}.amazonaws.com/{path}"


def check_stored(answer: Answer, content: Content) -> None:
    """Whether a store took an object whole. S3 names the checksum of what it keeps; not every store does.

    Raises:
        StoreError: it did not. StoreExpiredError: new credentials are needed.
    """
    if answer.status not in {200, 201, 204}:
        raise store_error(answer.status, answer.body)
    if answer.headers.get("x-amz-checksum-sha256", content.checksum) != content.checksum:
        raise StoreError("the store keeps something else than it was given")


def store_error(status: int, body: bytes) -> StoreError:
    """What an answer other than success means."""
    m = _CODE.search(body[:4096])
    code = m[1].decode() if m else ""
    message = f"the store answered {status} {code}".rstrip()
    # 403 without a known code: stores that are not AWS word it differently; new keys are the one thing to try.
    if code in _EXPIRED or status in {401, 403}:
        return StoreExpiredError(message)
    return StoreError(message, retryable=code not in _FINAL)
