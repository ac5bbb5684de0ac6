"""Names of streams as the outside gives them, and the rule that makes them safe to use in paths and keys."""

from __future__ import annotations

import unicodedata
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

DEFAULT_VHOST: Final = "__defaultVhost__"
SRT_VHOST: Final = "srt"
"""Where the edge has every live stream for viewers by SRT."""
MAX_NAME_BYTES: Final = 200
_SIGNS: Final = frozenset("_.~@:+=-")
_JOINERS: Final = frozenset("\u200c\u200d")
"""Between two letters they shape words of many scripts (Unicode Standard Annex 31, 2.3)."""


class InvalidNameError(ValueError):
    """A vhost, app or stream name that may not be used; the message says why and never repeats the name."""


def _check(what: str, value: str) -> None:
    if not value:
        raise InvalidNameError(
            f"{what} must not be empty: leave out a slash at its beginning or end, and one of two in a row"
        )
    if not all(_fits(value, i) for i in range(len(value))):
        raise InvalidNameError(f"{what} may only hold letters, digits and . _ ~ @ : + = - and must not be empty")
    if value in {".", ".."}:
        raise InvalidNameError(f"{what} must not be '.' or '..'")


def _fits(value: str, at: int) -> bool:
    """Letters, their marks and numbers of any script, by Unicode's general category: `\\w` leaves the marks out."""
    letter = value[at]
    if letter in _JOINERS:
        return 0 < at < len(value) - 1 and all(unicodedata.category(value[i])[0] in "LM" for i in (at - 1, at + 1))
    return letter in _SIGNS or unicodedata.category(letter)[0] in "LMN"


def composed(name: str) -> str:
    """The one spelling of letters that can be written as one or as several code points (NFC, Unicode Annex 15)."""
    return unicodedata.normalize("NFC", name)


def is_ascii(app: str, stream: str) -> bool:
    """Whether a name has ASCII letters alone. Of others SRS takes no query off the stream, only off the application,
    and serves no HTTP-FLV.
    """
    return app.isascii() and stream.isascii()


WATCHED_AS: Final = ".flv"
"""What somebody puts behind a name to watch by HTTP-FLV. When SRS first hears of a stream that way, while nobody
publishes it, its segments and `on_hls` carry it in their names: `cam.flv` for `cam`.
"""


def folded(identity: str) -> str:
    """What a media server tells streams apart by: SRS leaves out what looks like an extension
    (`srs_generate_stream_url`), so `live/cam`, `live/cam.1` and `live/cam.2` are one stream to it.
    """
    path, slash, last = composed(identity).rpartition("/")
    stem, dot, _ = last.rpartition(".")
    return f"{path}{slash}{stem if dot else last}"


def check_name(vhost: str, app: str, stream: str) -> None:
    """Check the names that a publish carries.

    `app` may hold several segments joined by `/`; `vhost` and `stream` are one segment each. Every segment holds
    letters, marks and numbers of any script and `_.~@:+=-`, is neither empty nor `.` nor `..`; all together take 1 to
    200 bytes of UTF-8.

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
    """A validated stream name, composed (NFC). `str()` of it is its identity, see `identity`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    vhost: str = DEFAULT_VHOST
    app: str
    stream: str

    @field_validator("app", "stream", mode="before")
    @classmethod
    def _composed(cls, value: Any) -> Any:
        return composed(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _valid(self) -> Self:
        check_name(self.vhost, self.app, self.stream)
        return self

    def __str__(self) -> str:
        return identity(self.vhost, f"{self.app}/{self.stream}")
