"""What our own workers publish to the media server beside us: a push or a source whose target is this very node.

They show a credential of ours, made for the one stream and known to this process alone, and so need no secret of the
user: a new publish secret cuts off none of them. It goes to the media server beside us and to nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import composed, is_ascii
from chalicelib.wire.targets import Target, make_target, parse_target
from chalicelib.wire.urls import InvalidUrlError, srt_options

OWN_PUSH: Final = "sluice_push"
"""The key of the credential in a query, or in a streamid of SRT."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The media server beside us, as workers reach it. `own_tag`: what a pull of ours shows, by who pulls; `opened`: a
    target with our credential where it is this very server.
    """

    rtmp: str
    own_tag: Callable[[str], str]
    opened: Callable[[str], str]


class OwnPublishes:
    """Gives the credential to what goes to `rtmp`, our media server as workers reach it, or to one of its `ports` by
    protocol on this machine; and knows it again.
    """

    def __init__(self, rtmp: str, ports: Mapping[str, int]) -> None:
        self._secret = secrets.token_bytes(32)
        beside = urlsplit(rtmp)
        self._host = beside.hostname or "127.0.0.1"
        self._ports = {"rtmp": {beside.port or 1935, ports.get("rtmp", 0)}, "srt": {ports.get("srt", 0)}}

    def opened(self, text: str) -> str:
        """The target with the credential when it is ours; any other, and what is none, as it is."""
        try:
            target = parse_target(text)
        except InvalidUrlError:
            return text
        if not self._is_ours(target):
            return text
        try:
            return self._by_srt(target) if target.scheme == "srt" else self._by_rtmp(target)
        except InvalidUrlError:  # it became too long
            return text

    def names(self, text: str, app: str, stream: str) -> bool:
        """Whether a target is a stream of this very server, and that one."""
        try:
            target = parse_target(text)
        except InvalidUrlError:
            return False
        if not self._is_ours(target):
            return False
        path = self._srt_path(target) if target.scheme == "srt" else f"{target.app}/{target.key}"
        named = "/".join(part.partition("?")[0] for part in path.rpartition("/")[::2])
        return composed(named) == composed(f"{app}/{stream}")

    def admits(self, hook: Hook) -> bool:
        """Whether a publish is one of ours."""
        if OWN_PUSH not in hook.param:
            return False
        shown = parse_qs(hook.param.lstrip("?").replace("?", "&"), max_num_fields=None).get(OWN_PUSH, [])
        expected = self._credential(hook.app, hook.stream)
        return any(hmac.compare_digest(value.encode(), expected.encode()) for value in shown)

    def _credential(self, app: str, stream: str) -> str:
        return hmac.new(self._secret, composed(f"{app}/{stream}").encode(), hashlib.sha256).hexdigest()

    def _is_ours(self, target: Target) -> bool:
        if target.server.used_port not in self._ports.get(target.scheme, set()):
            return False
        host = target.server.host.lower().removesuffix(".")
        return host in {self._host, "localhost", socket.gethostname().lower()} or _is_here(host)

    def _by_rtmp(self, target: Target) -> str:
        app = target.app.partition("?")[0]
        name, mark, query = target.key.partition("?")
        shown = f"{OWN_PUSH}={self._credential(app, name)}"
        if is_ascii(app, name):
            return make_target(target.server.text, f"{target.key}{'&' if mark else '?'}{shown}").text
        server = target.server.text.removesuffix("/")
        more = "&".join(filter(None, (query, shown)))
        return make_target(f"{server}{'&' if target.server.query else '?'}{more}", name).text

    @staticmethod
    def _srt_path(target: Target) -> str:
        """Application and stream of an SRT target, with slashes between."""
        fields = dict(srt_options(target.server.query)).get("streamid", "").removeprefix("#!::").split(",")
        path = next((f.removeprefix("r=") for f in fields if f.startswith("r=")), "").partition("?")[0]
        return path.strip("/")

    def _by_srt(self, target: Target) -> str:
        options = dict(srt_options(target.server.query))
        app, _, stream = self._srt_path(target).rpartition("/")
        if not options.get("streamid", "").startswith("#!::") or not stream:
            return target.server.text
        options["streamid"] += f",{OWN_PUSH}={self._credential(app, stream)}"
        query = "&".join(f"{name}={value}" for name, value in options.items())
        text = target.server.text.partition("?")[0]
        return replace(target, server=replace(target.server, text=f"{text}?{query}", query=query)).text


def without_credential(param: str) -> str:
    """The `param` of a publish as it may leave this process."""
    if OWN_PUSH not in param:
        return param
    mark = "?" if param.startswith("?") else ""
    kept = [p for p in param.removeprefix("?").split("&") if not p.startswith(f"{OWN_PUSH}=")]
    return mark + "&".join(kept) if kept else ""


def _is_here(host: str) -> bool:
    """Whether an address is one of this machine: only those can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
