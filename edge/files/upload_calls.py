"""The calls that bring an upload in, part by part. Each takes the token that the upload was begun with.

GET, HEAD /v1/uploads/<id>            how many bytes are safe (`Upload-Offset`)
PUT       /v1/uploads/<id>            a part that begins there, with `Upload-Offset` and, if given, its SHA-256
POST      /v1/uploads/<id>/complete   it is whole: looked into, and then ready for a source
DELETE    /v1/uploads/<id>            it is not wanted any more
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.inputs import UploadBeginQuestion
from edge.base.errors import NotHereError, RefusedInputError
from edge.base.log import Log
from edge.cloud.questions import Questions
from edge.files.folders import Folders, LibraryError
from edge.files.probe import NOT_RUN, SILENT, Probe
from edge.files.resumable import LARGEST_CHUNK, Resumables, Upload, announced, truncate

log = Log("uploads")
SILENCE_S: Final = 60.0
_TITLES: Final = {400: "Invalid input", 401: "Not authenticated", 404: "Not found", 409: "Conflict", 413: "Too large"}


class UploadRefusedError(Exception):
    """A call that is answered with a problem. `code` says it to programs, `params` what it names."""

    def __init__(self, status: int, code: str, words: str, **params: int) -> None:
        super().__init__(words)
        self.status, self.code, self.params = status, code, params


def _problem(error: UploadRefusedError) -> Response:
    title = _TITLES.get(error.status, "Not stored")
    told = {"type": "about:blank", "title": title, "status": error.status, "detail": str(error)}
    body = json.dumps(told | {"code": error.code, "params": error.params})
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if "offset" in error.params:
        headers["Upload-Offset"] = str(error.params["offset"])
    return Response(body, status_code=error.status, headers=headers)


def _answering(call: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """The call with everything that can go wrong answered."""

    @functools.wraps(call)
    async def answer(self: UploadCalls, request: Request) -> Response:
        try:
            return await call(self, request)
        except UploadRefusedError as error:
            return _problem(error)
        except RefusedInputError as error:
            return _problem(UploadRefusedError(400, error.code or "invalid_input", str(error)))
        except NotHereError as error:
            return _problem(UploadRefusedError(404, "no_such_upload", str(error)))
        except LibraryError as error:
            return _problem(UploadRefusedError(507, "disk_full", str(error)))
        except OSError as error:
            log.warning("upload.failed", error=error.strerror)
            words = f"the file cannot be written: {error.strerror}"
            return _problem(UploadRefusedError(507, "not_stored", words))

    return answer


def _told(upload: Upload) -> Response:
    body = {"id": upload.id, "name": upload.name, "size": upload.size, "offset": upload.offset, "done": upload.done}
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Upload-Offset": str(upload.offset)}
    return Response(json.dumps(body), headers=headers)


class UploadCalls:
    """Takes uploads. One that is written anew, as its connection broke, ends whoever wrote it before."""

    def __init__(self, folders: Folders | None, probe: Probe, *, max_bytes: int) -> None:
        self._folders, self._probe = folders, probe
        self._kept = Resumables(folders, max_bytes=max_bytes) if folders else None
        self._writers: dict[str, asyncio.Task[Upload]] = {}

    def routes(self) -> list[BaseRoute]:
        """For the local server."""
        one = "/v1/uploads/{upload}"
        return [
            Route(one, self.told, methods=["GET"]),
            Route(one, self.put, methods=["PUT"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/complete", self.complete, methods=["POST"]),
        ]

    def register(self, questions: Questions) -> None:
        """Have the cloud begin uploads: it knows who may."""
        questions.register(UploadBeginQuestion, self.begin)

    @property
    def _all(self) -> Resumables:
        if self._kept is None:
            raise NotHereError("this node has no data folder, so it takes no files; set SLUICE_DATA_DIR")
        return self._kept

    async def begin(self, question: UploadBeginQuestion) -> dict[str, Any]:
        """Begin an upload, or go on with it."""
        begun = await asyncio.to_thread(self._all.begin, question.name, question.size, question.fingerprint)
        return begun.model_dump(mode="json")

    def tidy(self) -> int:
        """Remove what nobody goes on with."""
        return self._kept.tidy() if self._kept else 0

    def _found(self, request: Request) -> Upload:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise UploadRefusedError(401, "unauthenticated", "the token of the upload is needed, as a bearer")
        return self._all.find(request.path_params["upload"], token.strip())

    @_answering
    async def told(self, request: Request) -> Response:
        """How far it is."""
        return _told(self._found(request))

    @_answering
    async def put(self, request: Request) -> Response:
        """Take a part. It counts as a whole, or as never sent."""
        upload = self._found(request)
        await self._end_writer(upload.id)
        upload = self._found(request)  # whoever wrote before may have come to the end of it
        offset, length = self._part_of(request, upload)
        digest = request.headers.get("x-checksum-sha256", "").lower()
        task = asyncio.create_task(self._write(request, upload, offset, length, digest))
        self._writers[upload.id] = task
        try:
            return _told(await task)
        except asyncio.CancelledError:
            if not task.cancelled():
                task.cancel()
                raise
            raise UploadRefusedError(409, "upload_superseded", "the upload goes on by another connection") from None
        except ClientDisconnect:
            raise UploadRefusedError(400, "broken_off", "the connection was closed; send the part again") from None
        except TimeoutError:
            raise UploadRefusedError(408, "too_slow", "nothing came for a minute; send the part again") from None
        finally:
            if self._writers.get(upload.id) is task:
                del self._writers[upload.id]

    async def _end_writer(self, upload: str) -> None:
        # Others may wait for the same one, and the first of them is the next.
        while (before := self._writers.get(upload)) is not None:
            before.cancel()
            await asyncio.wait([before])
            if self._writers.get(upload) is before:
                del self._writers[upload]

    @staticmethod
    def _part_of(request: Request, upload: Upload) -> tuple[int, int]:
        """Where the part begins, and how long it is."""
        if upload.done:
            raise UploadRefusedError(409, "upload_done", "the upload is whole already", offset=upload.offset)
        offset = announced(request.headers.get("upload-offset", ""))
        length = announced(request.headers.get("content-length", ""), 1)
        if offset != upload.offset:
            words = f"{upload.offset} bytes are safe; go on from there"
            raise UploadRefusedError(409, "upload_offset", words, offset=upload.offset)
        if length > LARGEST_CHUNK or offset + length > upload.size:
            words = f"a part has at most {LARGEST_CHUNK} bytes, and ends where the file does"
            raise UploadRefusedError(413, "part_too_large", words, most=LARGEST_CHUNK)
        return offset, length

    async def _write(self, request: Request, upload: Upload, offset: int, length: int, digest: str) -> Upload:
        """Write a part behind what is safe. A disk may take its time; the streams of this node go on meanwhile."""
        if self._folders is not None:
            await asyncio.to_thread(self._folders.check_space, length)
        file = await asyncio.to_thread(truncate, self._all.part(upload), offset)
        found, came = hashlib.sha256(), 0
        try:
            async for piece in _pieces(request):
                came += len(piece)
                if came > length:
                    break
                await _finished(asyncio.to_thread(_append, file, piece, found))
            if came != length:
                raise ClientDisconnect
            if digest and found.hexdigest() != digest:
                raise UploadRefusedError(
                    400, "part_damaged", "what came is not what its SHA-256 names; send it again", offset=offset
                )
            await _finished(asyncio.to_thread(os.fdatasync, file))
        finally:
            os.close(file)
        return await asyncio.to_thread(self._all.advanced, upload, offset + length)

    @_answering
    async def complete(self, request: Request) -> Response:
        """It is whole: what is in it? Asked again, it says the same."""
        upload = self._found(request)
        if upload.offset != upload.size:
            words = f"{upload.offset} of {upload.size} bytes are there"
            raise UploadRefusedError(409, "upload_incomplete", words, offset=upload.offset)
        path = await asyncio.to_thread(self._all.finished, upload)
        if not path.is_file():
            raise UploadRefusedError(409, "upload_done", "a source plays it already, or its time was over")
        reason, found = await self._probe.why_not(path, upload.target)
        if reason and reason != SILENT:  # a busy machine did not get to it: it is looked into again before it is used
            if self._folders is not None:
                self._folders.drop(path)
            self._all.drop(upload)
            log.info("upload.refused", reason=reason)
            fault = reason.startswith(NOT_RUN)
            raise UploadRefusedError(
                500 if fault else 400, "not_media", f"the file can't be played: {reason}; it was removed"
            )
        log.info("upload.taken", upload=upload.id, bytes=upload.size)
        body = found.model_dump(mode="json", include={"format", "video", "audio"})
        body |= {"id": upload.id, "target": upload.target, "name": upload.name, "size": upload.size}
        return Response(json.dumps(body), headers={"Content-Type": "application/json", "Cache-Control": "no-store"})

    @_answering
    async def delete(self, request: Request) -> Response:
        """It is not wanted any more. What a source took over stays."""
        upload = self._found(request)
        await self._end_writer(upload.id)
        path = self._folders.root / upload.target if self._folders else None
        if self._folders is not None and path is not None and path.is_file():
            self._folders.drop(path)
        self._all.drop(upload)
        return Response(status_code=204)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes; raises TimeoutError when nothing comes for a minute."""
    stream = request.stream()
    while True:
        async with asyncio.timeout(SILENCE_S):
            try:
                piece = await anext(stream)
            except StopAsyncIteration:
                return
        yield piece


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Do something in a thread. When it is broken off, the thread comes to its end first: it has a file open."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _append(file: int, data: bytes, digest: Any) -> None:
    digest.update(data)
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
