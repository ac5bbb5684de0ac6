"""Keeps secrets out of what is written and shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from chalicelib.wire.names import StreamName
from chalicelib.wire.targets import parse_target
from chalicelib.wire.urls import InvalidUrlError, bracketed

MASK: Final = "***"


def text(value: str, secrets: Iterable[str]) -> str:
    """A text without any of the secrets; longest first, so that none is left in part."""
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        value = value.replace(secret, MASK)
    return value


def stream_name(name: StreamName, secrets: Iterable[str]) -> StreamName:
    """The name as it may be shown: a secret in it is masked."""
    shown = text(name.stream, secrets)
    if shown == name.stream:
        return name
    return StreamName.model_construct(vhost=name.vhost, app=name.app, stream=shown)


def callback_url(url: str) -> str:
    """A callback target as it may be shown: user info, path and query, any of which may be a secret, are masked."""
    parts = urlsplit(url)
    host = bracketed(parts.hostname or "")
    netloc = host + (f":{parts.port}" if parts.port else "")
    masked = f"{MASK}@{netloc}" if "@" in parts.netloc else netloc
    path = f"/{MASK}" if parts.path.strip("/") else parts.path
    return urlunsplit((parts.scheme, masked, path, MASK if parts.query else "", ""))


SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "webhook-signature", "x-api-key", "x-auth-token"}
)
MOST_HEADERS: Final = 30
LONGEST_HEADER: Final = 200


def headers(given: Mapping[str, str]) -> dict[str, str]:
    """Headers of HTTP as they may be kept and shown: those that open something are masked, and none is long."""
    shown = {name.lower()[:60]: value for name, value in list(given.items())[:MOST_HEADERS]}
    return {name: MASK if name in SECRET_HEADERS else value[:LONGEST_HEADER] for name, value in shown.items()}


def target_url(url: str) -> str:
    """A target URL as it may be shown: user info, the last path element (the stream key) and the query are masked."""
    with suppress(InvalidUrlError):
        target = parse_target(url)
        if target.key:
            server = target.server
            shown = server.at(server.host).text.removeprefix(f"{server.scheme}://").removeprefix(f"{server.user_info}@")
            query = f"?{MASK}" if server.query or "?" in target.key else ""
            return f"{server.scheme}://{shown.partition('?')[0].removesuffix('/')}/{MASK}{query}"
    parts = urlsplit(url)
    host = bracketed(parts.hostname or "")
    netloc = f"{host}:{parts.port}" if parts.port else host
    head, _, key = parts.path.rpartition("/")
    path = f"{head}/{MASK}" if key else parts.path
    return urlunsplit((parts.scheme, netloc, path, MASK if parts.query else "", ""))
