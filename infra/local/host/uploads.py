"""Takes objects of nodes that don't see the folder: streamed into it, checked, durable before the answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from chalicelib.adapters.local.folder import FolderObjects, publish, unpublished
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.domain.errors import SluiceError, UnauthenticatedError
from chalicelib.wire.recording import node_of_key

from .asgi import Receive, Scope, Send, problem, send_whole
from .events import Outgoing, joined
from .polls import NodeOf
from .pools import FullError, Pools

PATH: Final = "/edge/v1/objects/"
MAX_BYTES: Final = 4 * 1024**3
_BUFFER: Final = 1024 * 1024
_SILENCE_S: Final = 60.0


class RefusedError(Exception):
    """The upload is none. `status` says whose fault it is."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Uploads:
    """Answers `PUT /edge/v1/objects/<key>`: 204 when the object is on the disk. `x-amz-checksum-sha256` (base64) names
    what must arrive.
    """

    def __init__(self, objects: FolderObjects, arrived: LocalQueue, node_of: NodeOf, pools: Pools) -> None:
        self._objects, self._arrived, self._node_of, self._pools = objects, arrived, node_of, pools

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await self._take(scope, receive)
        except UnauthenticatedError as error:
            answer = problem(401, "Not authenticated", str(error), ("www-authenticate", "Bearer"))
        except RefusedError as error:
            answer = problem(error.status, "Upload refused", str(error))
        except (FullError, TimeoutError, OSError, SluiceError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            answer = problem(503, "Not stored", words or "try again", ("retry-after", "5"))
        else:
            answer = Outgoing(204, [], b"")
        await send_whole(send, answer)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        headers, key = joined(scope["headers"]), scope["path"].removeprefix(PATH)
        if scope["method"] != "PUT":
            raise RefusedError(405, "objects are put")
        node = await self._pools.run("edge", lambda: self._node_of(headers.get("authorization")))
        if node_of_key(key) != node:
            raise RefusedError(403, "a node writes its own segments and manifests, nothing else")
        digest = _digest(headers.get("x-amz-checksum-sha256", ""))
        target = await self._in_thread(lambda: self._objects.made(key))
        partial = unpublished(target)
        try:
            if await self._receive(receive, partial) != digest:
                raise RefusedError(400, "what arrived is not what the checksum names; send it again")
            await self._in_thread(lambda: publish(partial, target))
        finally:
            partial.unlink(missing_ok=True)
        if key.endswith(".json"):
            await self._in_thread(lambda: self._arrived.send({"Records": [{"s3": {"object": {"key": key}}}]}))  # type: ignore[dict-item]

    async def _receive(self, receive: Receive, partial: Path) -> bytes:
        """Stream the body into a file; gives the SHA-256 of what came."""
        digest, size = hashlib.sha256(), 0
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            async for chunk in _chunks(receive):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise RefusedError(413, "the object is too large")
                await asyncio.to_thread(_write, file, chunk, digest)
        finally:
            os.close(file)
        return digest.digest()

    @staticmethod
    async def _in_thread(work: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(work)


async def _chunks(receive: Receive) -> Any:
    """The body in pieces of about a megabyte."""
    held: list[bytes] = []
    size, more = 0, True
    while more:
        async with asyncio.timeout(_SILENCE_S):
            message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the connection was closed")
        held.append(message.get("body", b""))
        size += len(held[-1])
        more = bool(message.get("more_body"))
        if size >= _BUFFER or not more:
            yield b"".join(held)
            held, size = [], 0


def _write(file: int, data: bytes, digest: Any) -> None:
    digest.update(data)
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _digest(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != hashlib.sha256().digest_size:
        raise RefusedError(400, "x-amz-checksum-sha256 must be the SHA-256 of the object, in base64")
    return found
