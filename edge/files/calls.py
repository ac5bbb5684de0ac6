"""The calls of the compatible API that bring files in and that this node serves itself: they are too large, or take
too long, for the cloud.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.sources import EXTENSIONS, IMAGE_EXTENSIONS
from edge.base.errors import CloudError, EdgeError, NotHereError, RefusedInputError, RequestRefusedError
from edge.base.log import Log
from edge.cloud.callers import Callers
from edge.files.download import Downloads
from edge.files.folders import Folders, LibraryError, check_extension
from edge.files.multipart import FileParts, MultipartError, boundary_of
from edge.files.names import shown
from edge.files.probe import NOT_RUN, SILENT, Probe
from edge.web.local.replies import success

log = Log("library")
PREFIX: Final = "/terraform/v1/ffmpeg/vlive"
MAX_JSON: Final = 1024 * 1024
_METHODS: Final = ["GET", "POST", "PUT"]


class LibraryCalls:
    """`open_uploads`: uploads need no credential, for old pages that send none."""

    def __init__(
        self,
        folders: Folders | None,
        downloads: Downloads | None,
        authority: Callers,
        probe: Probe,
        *,
        max_bytes: int,
        open_uploads: bool,
    ) -> None:
        self._given, self._downloads, self._authority = folders, downloads, authority
        self._probe = probe
        self._max_bytes, self._open = max_bytes, open_uploads

    def routes(self) -> list[BaseRoute]:
        """For the local server."""
        return [
            Route(PREFIX + "/upload/{name:path}", self.upload, methods=_METHODS),
            Route(PREFIX + "/ytdl", self.ytdl, methods=_METHODS),
        ]

    @property
    def _folders(self) -> Folders:
        if self._given is None:
            raise RequestRefusedError(404, "this node has no data folder, so it takes no files; set SLUICE_DATA_DIR")
        return self._given

    async def _admit(self, request: Request, token: str = "") -> None:
        """Raises RequestRefusedError unless the caller may change things."""
        try:
            answer = await self._authority.check(request.headers.get("authorization"), token)
        except CloudError:
            raise RequestRefusedError(
                503, "the cloud, which knows who may do this, does not answer; try again"
            ) from None
        if not answer.allowed:
            raise RequestRefusedError(401, f"auth: {answer.reason}")
        if answer.scope not in ("operate", "admin"):
            raise RequestRefusedError(403, "auth: this token may not bring files in; it takes one that may operate")

    async def upload(self, request: Request) -> Response:
        """`vlive/upload/<name>`: a multipart form of file parts, written one after the other into one file. Everything
        is checked before the first byte of the body is read.
        """
        folders = self._folders
        if not self._open:
            await self._admit(request, request.query_params.get("token", ""))
        name = unquote(request.scope["raw_path"].decode("ascii", "replace").rsplit("/", 1)[-1])
        try:
            extension = check_extension(name, EXTENSIONS + IMAGE_EXTENSIONS)
            boundary = boundary_of(request.headers.get("content-type", ""))
            folders.check_space(self._announced(request))
        except RefusedInputError as error:
            raise RequestRefusedError(400, error.reason) from None
        except MultipartError as error:
            raise RequestRefusedError(400, str(error)) from None
        except LibraryError as error:
            raise RequestRefusedError(507, str(error)) from None
        file_id, target, partial = folders.new(extension)
        try:
            with partial.open("xb", buffering=1024 * 1024) as file:
                size = await self._receive(request, FileParts(boundary, name, file.write))
            if not size:
                raise RequestRefusedError(400, "the form holds no file, or an empty one")
            await self._look(folders, folders.keep(partial, shown(name)), target)
        except MultipartError as error:
            raise RequestRefusedError(400, str(error)) from None
        except LibraryError as error:
            raise RequestRefusedError(507, str(error)) from None
        except ClientDisconnect:
            raise RequestRefusedError(400, "the upload broke off; send it again") from None
        except OSError as error:
            log.warning("upload.failed", error=error.strerror)
            raise RequestRefusedError(500, f"the file cannot be written: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)
        log.info("upload.taken", uuid=file_id, bytes=size)
        return success({"uuid": file_id, "target": target})

    async def _look(self, folders: Folders, path: Path, target: str) -> None:
        """Raises RequestRefusedError, and deletes the file, when it is not what its name says."""
        reason, _ = await self._probe.why_not(path, target)
        if reason and reason != SILENT:  # a busy machine did not get to it: it is looked into again before it is used
            folders.drop(path)
            log.info("upload.refused", reason=reason)
            fault = reason.startswith(NOT_RUN)
            raise RequestRefusedError(500 if fault else 400, f"the file can't be played: {reason}")

    def _too_large(self) -> RequestRefusedError:
        return RequestRefusedError(
            413, f"the file is larger than {self._max_bytes // 1024**2} MB, the limit of this node"
        )

    def _announced(self, request: Request) -> int:
        text = request.headers.get("content-length", "0")
        size = int(text) if text.isdecimal() else 0
        if size > self._max_bytes:
            raise self._too_large()
        return size

    async def _receive(self, request: Request, parts: FileParts) -> int:
        """Feed the body to the parser; the bytes of the file."""
        received, looked_at = 0, 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > self._max_bytes:
                raise self._too_large()
            if received - looked_at > 64 * 1024 * 1024:
                looked_at = received
                self._folders.check_space(0)
            # A disk may take its time; the streams of this node go on meanwhile.
            await asyncio.to_thread(parts.feed, chunk)
        parts.close()
        return parts.size

    async def ytdl(self, request: Request) -> Response:
        """`vlive/ytdl`: download what a page or a URL holds; answered when it is complete."""
        folders = self._folders
        fields = await _fields(request)
        await self._admit(request, str(fields.get("token") or ""))
        url = fields.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise RequestRefusedError(500, "url: must start with http:// or https://")
        if self._downloads is None:
            raise RequestRefusedError(500, "this node cannot download: yt-dlp is not installed")
        try:
            found = await self._downloads.fetch(url, folders)
        except RefusedInputError as error:
            raise RequestRefusedError(500, str(error)) from None
        except NotHereError as error:
            raise RequestRefusedError(500, str(error)) from None
        except EdgeError as error:
            raise RequestRefusedError(500, str(error)) from None
        return success(found.model_dump(mode="json"))


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a JSON body, names in lower case; a body that is empty has none."""
    raw = b""
    async for chunk in _bounded(request):
        raw += chunk
    if not raw.strip():
        return {}
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise RequestRefusedError(500, "the body is not JSON") from None
    if not isinstance(data, dict):
        raise RequestRefusedError(500, "the body is not a JSON object")
    return {str(k).lower(): v for k, v in data.items()}


async def _bounded(request: Request) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_JSON:
            raise RequestRefusedError(500, "the body is too large")
        yield chunk
