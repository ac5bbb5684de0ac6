"""Targets as users give them, as they are kept, and when two are the same."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from chalicelib.wire.targets import SCHEMES, NoKeyError, Target, make_target, parse_target
from chalicelib.wire.urls import DEFAULT_PORTS, InvalidUrlError, parse_url, srt_options

from .errors import InvalidInputError
from .platforms import PLATFORMS, Platform, platform, platform_of_host
from .redact import MASK, target_url

_HINT: Final = "use rtmp://, rtmps:// or srt://, for instance rtmp://a.rtmp.youtube.com/live2/<stream key>"
_ADDRESS: Final = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SAME_HOST: Final = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
_SAME_DOMAIN: Final = {".rtmps.youtube.com": ".rtmp.youtube.com"}
"""Two names for one ingest, one of them for TLS. YouTube's a and b are two."""


def check_target_url(url: str) -> str:
    """The target, as it is kept, if a stream can be pushed there.

    Raises:
        InvalidInputError: it cannot; the reason says what to write instead and never repeats the URL.
    """
    return target_of(url).text


def given_whole(url: str) -> str:
    """The target, as it is kept, of one URL that a user gave. Where a `#` stands in what is kept, the key is apart, so
    that of a user is none that can be read.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    if "#" in url and url.strip()[:4].lower() != "srt:":
        raise InvalidInputError(
            "url", "holds a '#': give server and key apart, then the key may hold anything", code="target_hash"
        )
    return check_target_url(url)


def target_of(url: str) -> Target:
    """The target that a URL names, whole or as it is kept.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    try:
        return parse_target(url)
    except InvalidUrlError as error:
        raise InvalidInputError("url", f"{error}; {_HINT}", code=error.code, **error.params) from error


def join_target(server: str, key: str) -> str:
    """The target of a server and a key, as it is kept; without a key, the server is a whole URL.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    if not key.strip():
        return given_whole(server)
    try:
        return make_target(server, key).text
    except InvalidUrlError as error:
        raise InvalidInputError("url", f"{error}; {_HINT}", code=error.code, **error.params) from error


def takes_of(name: str, url: str) -> tuple[str, ...]:
    """The codecs that a target is known to take: those of its platform, which its host tells, too. None for SRT, which
    carries more.
    """
    try:
        target = parse_target(url)
    except InvalidUrlError:
        return ()
    if target.scheme == "srt":
        return ()
    found = platform_of_host(target.server.host) or next((p for p in PLATFORMS if p.id == name), None)
    return found.takes if found else ()


def whole_url(name: str, url: str, server: str, key: str) -> str:
    """The target, as it is kept, from what a user gave: one whole URL, or a key with a server of his own or the
    platform's.

    Raises:
        InvalidInputError: neither is complete, or it is none that can be pushed to. Where a key is missing, it says
            where the platform shows it.
    """
    preset = platform(name)
    if MASK in url or MASK in key:
        raise InvalidInputError(
            "url" if MASK in url else "key", f"holds {MASK}, which stands for what is not shown", code="masked"
        )
    if _ADDRESS.match(key):
        raise InvalidInputError(
            "key",
            "holds a whole address; put what stands before its last slash into server, and here what follows",
            code="key_is_address",
        )
    if url and (server or key):
        raise InvalidInputError("url", "give either one whole URL, or server and key, not both", code="target_twice")
    base = url or server or preset.server
    if not base:
        raise InvalidInputError("server", f"is needed: {preset.hint}", code="server_missing")
    preset = (platform_of_host(_host_of(base)) if preset.id == "custom" else None) or preset
    if not key and (_is_server(base, preset) or not (url or server)):
        raise InvalidInputError("key", f"is needed: {preset.hint}", code="key_missing")
    try:
        return join_target(base, key)
    except InvalidInputError as error:
        if not isinstance(error.__cause__, NoKeyError):
            raise
        raise InvalidInputError(
            "key", f"is missing behind the server's address. {preset.hint}", code="key_missing"
        ) from None


def _host_of(url: str) -> str:
    try:
        return parse_url(url.strip(), SCHEMES, user_info=True).host
    except InvalidUrlError:
        return ""


def changed_url(now: str, name: str, url: str, server: str, key: str) -> str:
    """The target, as it is kept, after a change: another URL, another server with its key, or another key for the same
    server. The URL as it is shown, which is what a client sends back that changes something else, changes nothing.

    Raises:
        InvalidInputError: see `whole_url`; or a part is missing. A key never goes to a server that it was not given
            for.
    """
    if url == target_url(now) and not server and not key:
        return now
    if url or (server and key):
        return whole_url(name, url, server, key)
    known_server, known_key = split_url(now)
    if server:
        raise InvalidInputError(
            "key", "is needed too: the key of now was given for another server", code="key_of_other_server"
        )
    if not known_key:
        raise InvalidInputError(
            "server", "is needed too: the target of now is one URL, without a key of its own", code="server_needed_too"
        )
    return whole_url(name, "", known_server, key)


def lacks_key(name: str, url: str) -> bool:
    """Whether a target is a server alone, so that nobody there can tell whose stream comes."""
    with suppress(InvalidUrlError):
        try:
            parse_target(url)
        except NoKeyError:
            return True
    preset = platform_of_host(_host_of(url)) or next((p for p in PLATFORMS if p.id == name), None)
    return preset is not None and _is_server(url, preset)


def _is_server(url: str, preset: Platform) -> bool:
    """Whether it is the platform's server, without a key. The same server goes by `rtmp` and by `rtmps`."""
    return bool(preset.server) and url.strip().rstrip("/").lower() in {
        preset.server.rstrip("/").lower(),
        *_others(preset),
    }


def _others(preset: Platform) -> set[str]:
    scheme, _, rest = preset.server.rstrip("/").lower().partition("://")
    other = "rtmp" if scheme == "rtmps" else "rtmps"
    return {f"{other}://{rest}", f"{other}://{rest.replace(':443', '').replace('.rtmps.', '.rtmp.')}"}


def split_url(url: str) -> tuple[str, str]:
    """Server and key of a target as it is kept; (what came, '') when it is none."""
    try:
        found = parse_target(url)
    except InvalidUrlError:
        return url, ""
    return (f"{found.server.text.removesuffix('/')}/", found.key) if found.key else (found.server.text, "")


def target_hash(url: str) -> str:
    """What stands for a target where its key must not: SHA-256, the same for every way of writing the same target."""
    try:
        target = parse_target(url)
    except InvalidUrlError:
        # Kept by a release that read targets less strictly.
        return hashlib.sha256(url.rstrip("/").encode()).hexdigest()
    host = _usual_host(target.server.host)
    # With or without TLS it is the same stream of the same platform.
    port = target.server.port if target.server.port not in (None, DEFAULT_PORTS.get(target.scheme)) else ""
    name = _stream_id(target) if target.scheme == "srt" else [target.app, target.key]
    kind = "srt" if target.scheme == "srt" else "rtmp"
    return hashlib.sha256("\n".join([kind, f"{host}:{port}", *name]).encode()).hexdigest()


def _stream_id(target: Target) -> list[str]:
    """The parts of a streamid, which have no order (SRT Access Control)."""
    mark, access, parts = dict(srt_options(target.server.query)).get("streamid", "").partition("#!::")
    return [mark, access, *sorted(parts.split(","))]


def _usual_host(name: str) -> str:
    """One name for a host that has several."""
    host = name.lower().removesuffix(".")
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        host = str(mapped or address)
    host = _SAME_HOST.get(host, host)
    for other, usual in _SAME_DOMAIN.items():
        host = host.removesuffix(other) + usual if host.endswith(other) else host
    found = platform_of_host(host)
    return found.id if found is not None and found.one_ingest else host


def is_own(url: str, ports: Collection[int]) -> bool:
    """Whether a target is the media server beside the worker that pushes to it, which asks it for no secret. `ports`:
    those at which nodes take publishes; none: they are not known.
    """
    try:
        target = parse_target(url)
        # The credential of a worker has its place in a streamid of this form alone.
        takes_ours = target.scheme != "srt" or dict(srt_options(target.server.query)).get("streamid", "").startswith(
            "#!::"
        )
    except InvalidUrlError:
        return False
    host = target.server.host.lower()
    beside = host in {"localhost", "::1"} or host.startswith("127.")
    return beside and takes_ours and (not ports or target.server.used_port in ports)
