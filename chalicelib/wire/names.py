"""Names of streams as the outside gives them, and the rule that makes them safe to use in paths and keys."""

from __future__ import annotations

import re
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

DEFAULT_VHOST: Final = "__defaultVhost__"
SRT_VHOST: Final = "srt"
"""Where the edge has every live stream for viewers by SRT."""
MAX_NAME_BYTES: Final = 200
_SEGMENT: Final = re.compile(r"[\w.~@:+=-]+")


class InvalidNameError(ValueError):
    """A vhost, app or stream name that may not be used; the message says why and never repeats the name."""


def _check(what: str, value: str) -> None:
    if not _SEGMENT.fullmatch(value):
        raise InvalidNameError(f"{what} may only hold letters, digits and . _ ~ @ : + = - and must not be empty")
    if value in {".", ".."}:
        raise InvalidNameError(f"{what} must not be '.' or '..'")


def check_name(vhost: str, app: str, stream: str) -> None:
    """Check the names that a publish carries.

    `app` may hold several segments joined by `/`; `vhost` and `stream` are one segment each. Every segment matches
    `[\\w.~@:+=-]` in any script, is neither empty nor `.` nor `..`; all together take 1 to 200 bytes of UTF-8.

    Raises:
        InvalidNameError: a name breaks the rule.
    """
    if len(f"{vhost}/{app}/{stream}".encode("utf-8", "surrogatepass")) - len(DEFAULT_VHOST) > MAX_NAME_BYTES:
        raise InvalidNameError(f"vhost, app and stream together must not exceed {MAX_NAME_BYTES} bytes")
    _check("vhost", vhost)
    for segment in app.split("/"):
        _check("app", segment)
    _check("stream", stream)


def identity(vhost: str, path: str) -> str:
    """The one spelling of a name: `app/stream`, or `//vhost/app/stream` when it is not the default vhost. No app begins
    with a slash, so that no two names are spelt alike.
    """
    return path if vhost in {"", DEFAULT_VHOST} else f"//{vhost}/{path}"


class StreamName(BaseModel):
    """A validated stream name. `str()` of it is its identity, see `identity`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    vhost: str = DEFAULT_VHOST
    app: str
    stream: str

    @model_validator(mode="after")
    def _valid(self) -> Self:
        check_name(self.vhost, self.app, self.stream)
        return self

    def __str__(self) -> str:
        return identity(self.vhost, f"{self.app}/{self.stream}")
