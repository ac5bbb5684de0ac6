"""How a program of ours reaches what a user named: by the proxy where it speaks HTTP, else at an address that was
looked at before, and that it is given in place of the name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.urls import Url
from edge.base.errors import AddressRefusedError, HostNotFoundError, RefusedInputError
from edge.egress.reach import reachable
from edge.ffmpeg.workers.inputs import source_url
from edge.ffmpeg.workers.ways import Way

from .proxy import FilteringProxy

_BY_PROXY: Final = ("http", "https")
_MEDIA: Final = ("rtmp", "srt")


class Passages:
    """`rule` is for URLs of sources and downloads; cameras have private addresses. `media_ports`: those of our own at
    which the media server gives out streams to everybody; streams may be read there, and nothing else.
    """

    def __init__(self, proxy: FilteringProxy, rule: AddressRule, media_ports: Collection[int] = frozenset()) -> None:
        self._proxy, self._rule = proxy, rule
        self._of_media = replace(rule, own_ports=frozenset(rule.own_ports) - frozenset(media_ports))

    @asynccontextmanager
    async def through(self, url: str, *, camera: bool = False) -> AsyncIterator[Way]:
        """The way to a URL, as long as the block lasts.

        Raises:
            ValueError: it is no URL that may be read.
            RefusedInputError: it leads where this node does not read from, or nowhere.
        """
        found = source_url(url)
        rule = self._of_media if found.scheme in _MEDIA else self._rule
        rule = replace(rule, private=True) if camera else rule
        addresses = await _addresses(found, rule)
        if found.scheme in _BY_PROXY:
            with self._proxy.ticket(rule) as proxy:
                yield Way(found.text, env=by_proxy(proxy))
        else:
            yield _pinned(found, addresses[0])


async def _addresses(url: Url, rule: AddressRule) -> list[str]:
    try:
        return await reachable(url.host, url.used_port, rule)
    except HostNotFoundError:
        raise RefusedInputError(
            "url", "names a host that is not found; check its spelling", code="url_host_unknown"
        ) from None
    except AddressRefusedError:
        raise RefusedInputError(
            "url", "leads to a port of this node, or to a private address, from which it may not read "
            "(SLUICE_PRIVATE_SOURCES is deny)", code="url_private",
        ) from None  # fmt: skip


def by_proxy(proxy: str) -> dict[str, str]:
    """The environment in which FFmpeg, and whatever else speaks HTTP, goes by a proxy, for all that it opens. Not an
    argument: those are for everybody to read.
    """
    return dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), proxy)


def _pinned(url: Url, address: str) -> Way:
    there = url.at(address)
    if url.scheme != "rtmp" or url.host == address:
        return Way(there.text)
    # The server is told the name all the same: it may choose its virtual host by it.
    port = f":{url.port}" if url.port else ""
    return Way(there.text, ("-rtmp_tcurl", f"rtmp://{url.host}{port}/{rtmp_app(url.path)}"))


def rtmp_app(path: str) -> str:
    """The application in the path of an RTMP URL, as FFmpeg finds it: one segment, or two of three or more."""
    segments = path.removeprefix("/").split("/")
    if len(segments) < 3 or (":" in segments[1]) or segments[0] == "ondemand":
        return segments[0]
    return "/".join(segments[:2])
