"""Brings a file to an edge part by part, and goes on where a connection broke, also when it is called again."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx

from infra.cli.client import Api, CliError, words

_TRIES: Final = 8
"""So many failures in a row end it; what is safe stays so for a day."""
_LONGEST_S: Final = 30.0
_ANEW: Final = (401, 404)
_FINAL: Final = ("upload_superseded", "disk_full", "not_stored")
_HERE: Final = ("upload_offset", "part_damaged", "broken_off", "too_slow", "upload_incomplete", "upload_done")

Told = Callable[[int, int], None]


class Upload:
    """One file on its way. `told` hears how many bytes are safe, of how many; `pause` waits so many seconds."""

    def __init__(
        self, api: Api, file: Path, node: str, told: Told, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._api, self._file, self._node = api, file, node
        self._told, self._pause = told, pause
        self._begun: dict[str, Any] | None = None
        self._offset, self._failures = 0, 0

    def run(self) -> dict[str, Any]:
        """Until it is there; gives what was found in it, `target` among it.

        Raises:
            CliError: it is refused, the file can't be read, or nobody answers for long.
        """
        try:
            with self._file.open("rb") as content:
                while True:
                    if (found := self._step(content)) is not None:
                        return found
        except OSError as error:
            raise CliError(f"{self._file} cannot be read: {error.strerror}.") from None

    def _step(self, content: BinaryIO) -> dict[str, Any] | None:
        begun = self._begun or self._begin()
        size = self._file.stat().st_size
        self._told(self._offset, size)
        whole = self._offset == size
        try:
            answer = self._complete(begun) if whole else self._part(begun, content)
        except httpx.HTTPError as error:
            self._wait(f"The upload broke off ({type(error).__name__}); the same command goes on with it.")
            self._begun = None  # which says how much is safe
            return None
        if answer.status_code >= 300:
            self._refused(answer)
            return None
        self._failures = 0
        told: dict[str, Any] = answer.json()
        if whole:
            return told
        self._offset = int(told["offset"])
        return None

    def _begin(self) -> dict[str, Any]:
        at = self._file.stat()
        print_ = f"{at.st_size}:{at.st_mtime_ns // 1_000_000}:{self._file.name}"[:200]
        body = {"name": self._file.name, "size": at.st_size, "fingerprint": print_, "node": self._node}
        begun: dict[str, Any] = self._api.call("POST", "/v1/uploads", body)
        self._begun, self._offset = begun, int(begun["offset"])
        return begun

    def _part(self, begun: dict[str, Any], content: BinaryIO) -> httpx.Response:
        content.seek(self._offset)
        part = content.read(max(1, int(begun["chunk_bytes"])))
        headers = {"Upload-Offset": str(self._offset), "X-Checksum-Sha256": hashlib.sha256(part).hexdigest()}
        return self._api.send("PUT", begun["path"], begun["token"], part, headers)

    def _complete(self, begun: dict[str, Any]) -> httpx.Response:
        return self._api.send("POST", f"{begun['path']}/complete", begun["token"], b"", {})

    def _refused(self, answer: httpx.Response) -> None:
        """Go on as the answer says, or raise."""
        code, said = _code(answer), words(answer)
        again = answer.status_code in _ANEW or code in _HERE or answer.status_code >= 500
        if code in _FINAL or not again:
            raise CliError(said)
        self._wait(said)
        self._begun = None

    def _wait(self, said: str) -> None:
        self._failures += 1
        if self._failures >= _TRIES:
            raise CliError(said)
        self._pause(min(_LONGEST_S, 2.0 ** (self._failures - 1)))


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except (ValueError, AttributeError):
        return ""
