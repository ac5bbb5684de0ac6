"""What is stored: a file or some bytes, with size and SHA-256."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK: Final = 256 * 1024
PUT_BASE_S: Final = 30.0
SLOWEST_BYTES_S: Final = 50_000
"""An upload slower than this is given up and tried again."""


@dataclass(frozen=True, slots=True)
class Content:
    """Exactly one of `path` and `data` is it. `digest`: SHA-256."""

    size: int
    digest: bytes
    type: str
    path: Path | None = None
    data: bytes = b""

    @property
    def timeout_s(self) -> float:
        """How long an upload of it may take."""
        return PUT_BASE_S + self.size / SLOWEST_BYTES_S

    @property
    def checksum(self) -> str:
        """Its SHA-256 as S3 writes it, `x-amz-checksum-sha256`."""
        return base64.b64encode(self.digest).decode()

    def stream(self) -> bytes | AsyncIterator[bytes]:
        """It, to be sent."""
        return self.data if self.path is None else _chunks(self.path)


async def of_file(path: Path, content_type: str) -> Content:
    """A file.

    Raises:
        OSError: it cannot be read.
    """
    size, digest = await asyncio.to_thread(_digest, path)
    return Content(size, digest, content_type, path=path)


def of_bytes(data: bytes, content_type: str) -> Content:
    """Some bytes."""
    return Content(len(data), hashlib.sha256(data).digest(), content_type, data=data)


def _digest(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return file.tell(), digest


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
