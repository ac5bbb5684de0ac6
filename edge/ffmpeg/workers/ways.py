"""How a worker reaches what it reads: what it is started with instead of the plain URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Way:
    """The URL, options of FFmpeg before it, and more environment."""

    url: str = field(repr=False)
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


class OpenWay(Protocol):
    """Finds the way to a URL, which is open as long as the block lasts; raises EdgeError where there is none."""

    def __call__(self, url: str, *, camera: bool = False) -> AbstractAsyncContextManager[Way]:
        """See the class."""


@asynccontextmanager
async def straight(url: str, *, camera: bool = False) -> AsyncIterator[Way]:
    """To our own: as it is."""
    yield Way(url)
