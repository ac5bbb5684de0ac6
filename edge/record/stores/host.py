"""Brings objects to the host of a cloud that keeps the recordings in a folder of its own machine."""

from __future__ import annotations

from urllib.parse import quote

from edge.base.errors import CloudError, CloudRejectedError, StoreError
from edge.cloud.client import Cloud
from edge.record.stores.content import Content


class HostStore:
    """Needs no other key than the node's token."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def put(self, key: str, content: Content) -> None:
        """Store an object; durable there on return.

        Raises:
            StoreError: not stored.
        """
        headers = {
            "Content-Type": content.type,
            "Content-Length": str(content.size),
            "x-amz-checksum-sha256": content.checksum,
        }
        try:
            await self._cloud.send("PUT", f"objects/{quote(key)}", content.timeout_s, content.stream(), headers)
        except CloudRejectedError as error:
            # 400: what came was not what was sent; the same file may well arrive the next time.
            raise StoreError(f"the cloud's host refused the object: {error}", retryable=error.status == 400) from error
        except CloudError as error:
            raise StoreError(f"the cloud's host did not take the object: {error}") from error
