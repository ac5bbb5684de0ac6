"""Where users reach this installation, when somebody said so: behind a proxy, a request does not tell."""

from __future__ import annotations

from urllib.parse import urlsplit

from chalicelib.wire.urls import bracketed
from chalicelib.wiring.services import wiring


def url() -> str:
    """The public URL without a closing slash; '' where nobody said it."""
    return wiring.config.outside_url


def location(path: str) -> str:
    """Where a path of ours leads a client to: below the public URL's path. A whole URL is one already."""
    return urlsplit(url()).path + path if path.startswith("/") else path


def scheme() -> str:
    """http or https; '' where nobody said it."""
    return urlsplit(url()).scheme


def host() -> str:
    """Its host, an IPv6 address in brackets; '' where nobody said it."""
    return bracketed(urlsplit(url()).hostname or "")


def place() -> str:
    """Host and port, as they stand in it."""
    return urlsplit(url()).netloc.rpartition("@")[2]
