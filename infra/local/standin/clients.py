"""Who is connected, and which streams they publish: the state behind the hooks and the API."""

from __future__ import annotations

import asyncio
import random
import string
import time
from dataclasses import dataclass, field
from typing import Final

from .notices import Notice

VHOST: Final = "__defaultVhost__"
_ALPHABET: Final = string.digits + string.ascii_lowercase
_RNG: Final = random.SystemRandom()


def new_id(length: int = 8) -> str:
    """An id as SRS makes them: digits and lower-case letters."""
    return "".join(_RNG.choice(_ALPHABET) for _ in range(length))


def split_name(app: str, name: str) -> tuple[str, str]:
    """Application and stream as SRS sees them: everything before the last slash belongs to the application."""
    app, _, stream = f"{app}/{name}".rpartition("/")
    return app, stream


def stream_url(app: str, stream: str) -> str:
    """The path under which SRS knows a stream. It leaves out what looks like a file ending (SRS's
    `srs_generate_stream_url`), so that `a.x` and `a.y` are one stream to it: the second is busy.
    """
    return f"/{app}/{stream.rpartition('.')[0] if '.' in stream else stream}"


def is_servable(app: str, stream: str) -> bool:
    """Whether files may be made from these names: no empty or dotted segment, no control character, not too long."""
    segments = [*app.split("/"), *stream.split("/")]
    text = f"{app}/{stream}"
    return (
        all(segment not in {"", ".", ".."} and ".." not in segment for segment in segments)
        and text.isprintable()
        and len(text.encode("utf-8", "surrogateescape")) <= 200
    )


@dataclass
class Stream:
    """A stream that was published at least once since the start."""

    app: str
    name: str
    id: str = field(default_factory=lambda: f"vid-{new_id(7)}")
    publisher: str = ""
    """Id of the last client that published it."""
    active: bool = False
    next_seq: int = 0
    """SRS counts on over publishes, and starts at 0 again when it is restarted."""

    @property
    def url(self) -> str:
        """The path of the stream, in which SRS names it."""
        return stream_url(self.app, self.name)


@dataclass
class Client:
    """One connection, from its first publish or play on."""

    nginx_id: str
    slot: str
    ip: str
    tc_url: str
    page_url: str
    id: str = field(default_factory=new_id)
    since: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a notice of this client is worked on: what SRS does in one coroutine stays in order here."""
    name: str = ""
    """The stream as nginx knows it."""
    app: str = ""
    stream: str = ""
    param: str = ""
    role: str = ""
    """`fmle-publish` or `rtmp-play`, as SRS says it."""
    active: bool = False
    """The publish or play was accepted and has not ended."""
    gone_since: float | None = None
    """When nginx said that the connection is closed."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when all that follows from that is done."""

    def identify(self, notice: Notice, app: str, role: str) -> None:
        """Take over what this publish or play says; a connection may change its stream."""
        self.name, self.role = notice.name, role
        self.app, self.stream = split_name(app, notice.name)
        # As SRS joins them: the name's, then the application's.
        queries = [query for query in (notice.args, notice.tc_url.partition("?")[2]) if query]
        self.param = f"?{'?'.join(queries)}" if queries else ""

    @property
    def url(self) -> str:
        """The path of its stream."""
        return stream_url(self.app, self.stream)


class Slots:
    """Gives each application one of nginx's prepared ones."""

    def __init__(self, names: list[str]) -> None:
        self._free = list(names)
        self._by_app: dict[str, str] = {}

    def take(self, app: str, in_use: set[str]) -> str | None:
        """The slot of `app`; None if all are taken. `in_use`: slots with clients, which cannot change hands."""
        slot = self._by_app.pop(app, None) or (self._free.pop(0) if self._free else self._reclaim(in_use))
        if slot is not None:
            self._by_app[app] = slot  # at the end: the order is that of the last use
        return slot

    def app_of(self, slot: str) -> str:
        """The application that a slot serves."""
        return next((app for app, taken in self._by_app.items() if taken == slot), "")

    def _reclaim(self, in_use: set[str]) -> str | None:
        for app, slot in self._by_app.items():
            if slot not in in_use:
                del self._by_app[app]
                return slot
        return None
