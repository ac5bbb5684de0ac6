"""Puts objects into a bucket by URLs that the cloud signs one by one: the node has no keys of the bucket."""

from __future__ import annotations

from typing import Final

import httpx

from chalicelib.wire.uploads import Upload, UploadLink, UploadsRequest
from edge.base.bounded import CallFailedError, call
from edge.base.errors import CloudError, CloudRejectedError, StoreError, StoreExpiredError
from edge.cloud.client import Cloud
from edge.record.stores.content import Content
from edge.record.stores.s3 import check_stored

_ASK_S: Final = 15.0
_TRIES: Final = 2
"""With a fresh URL each: the first may have expired on its way, or the machine slept."""


class PresignedStore:
    """Asks for a URL for each object, and puts it there."""

    def __init__(self, cloud: Cloud, http: httpx.AsyncClient) -> None:
        self._cloud, self._http = cloud, http

    async def put(self, key: str, content: Content) -> None:
        """Store an object.

        Raises:
            StoreError: not stored. StoreExpiredError: the recordings go to another store now.
        """
        for n in range(1, _TRIES + 1):
            link = await self._ask(key, content)
            try:
                await self._put(link, content)
            except StoreExpiredError as error:
                if n == _TRIES:
                    # Not what these URLs are good for, but what the bucket's keys are: the cloud's operator is asked.
                    raise StoreError(str(error)) from error
                continue
            return

    async def _ask(self, key: str, content: Content) -> UploadLink:
        wanted = Upload(key=key, bytes=content.size, sha256=content.digest.hex(), content_type=content.type)
        try:
            answer = await self._cloud.uploads(UploadsRequest(objects=[wanted]), _ASK_S)
        except CloudRejectedError as error:
            if error.status == 409:
                raise StoreExpiredError("the recordings go to another store now") from error
            raise StoreError(
                f"the cloud gave no place for the object: {error}", retryable=error.status != 403
            ) from error
        except CloudError as error:
            raise StoreError(f"the cloud gave no place for the object: {error}") from error
        if [link.key for link in answer.links] != [key]:
            raise StoreError("the cloud gave a place for another object")
        return answer.links[0]

    async def _put(self, link: UploadLink, content: Content) -> None:
        headers = {**link.headers, "Content-Length": str(content.size)}
        try:
            answer = await call(
                self._http, "PUT", link.url, timeout_s=content.timeout_s, content=content.stream(), headers=headers
            )
        except CallFailedError as error:
            raise StoreError(f"the store gave no answer: {error}") from error
        check_stored(answer, content)
