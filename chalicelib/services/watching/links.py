"""Play links: made here, checked by the nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError
from chalicelib.domain.model.fleet import FleetState
from chalicelib.domain.model.settings import PlaySettings
from chalicelib.domain.stream_urls import Place, play_url
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes import sightings
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.wire.names import StreamName
from chalicelib.wire.play import QUERY, play_key, play_token

Format = Literal["flv", "hls", "rtmp", "srt", "whep"]
FORMATS: Final[tuple[Format, ...]] = ("flv", "hls", "rtmp", "srt", "whep")
MAX_LIFE_S: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Link:
    """Links to one stream on one node. `urls` holds the formats that the node serves; `required`: nobody gets in
    without one.
    """

    stream: StreamName
    node: str
    token: str
    expires_at: datetime
    required: bool
    urls: dict[Format, str]


class Plays:
    """Keeps the setting, derives the nodes' keys, signs links."""

    def __init__(self, store: Store, questions: Questions, clock: Clock, signing_key: Callable[[], str]) -> None:
        self._store = store
        self._questions = questions
        self._clock = clock
        self._signing_key = signing_key

    def get(self) -> PlaySettings:
        """The setting."""
        return self._store.get(PlaySettings) or PlaySettings()

    def set(self, auth: bool | None, version: int | None, *, rotate: bool = False) -> PlaySettings:
        """Switch play authentication on or off; `rotate` ends all links that were given out. That the nodes are told at
        once follows from the change. Who is watching goes on.

        Raises:
            ConflictError: it was changed by somebody else in the meantime.
        """
        now = self.get()
        if version is not None and version != now.version:
            raise ConflictError(
                "the settings were changed by somebody else in the meantime; read them again", code="changed_meanwhile"
            )
        changes = {"auth": now.auth if auth is None else auth, "generation": now.generation + rotate}
        new = now.model_copy(update=changes)
        self._store.commit(Save(new))
        return new.model_copy(update={"version": new.version + 1})

    def key_of(self, node: str, fleet: FleetState) -> str:
        """With what a node checks links; '' while everybody may watch."""
        return play_key(self._signing_key(), node, fleet.play_generation) if fleet.play_auth else ""

    def link(
        self,
        stream: str,
        node: str | None,
        base_url: str,
        expires_in_s: int,
        formats: Sequence[Format] = FORMATS,
        web: str = "",
    ) -> Link:
        """Links to `app/stream` on a node, which need not be named while there is only one. `base_url`: scheme and name
        under which viewers reach it. `web`: the public URL of what goes by HTTP, where a proxy has it elsewhere than at
        the node's own port.

        Raises:
            InvalidInputError: it is no stream name, or the node or its name is not given and not known.
            NotFoundError: there is no such node, or it never said where it can be reached.
        """
        name = parse_stream(stream)
        there = self._questions.node(node)
        seen = sightings.seen(self._store, there.id)
        if seen is None or not seen.observed.ports:
            raise NotFoundError(
                "the node has not said yet on which ports it can be reached; try again in a minute",
                code="node_never_seen",
            )
        setting = self.get()
        expires = self._clock().replace(microsecond=0) + timedelta(seconds=expires_in_s)
        key = play_key(self._signing_key(), there.id, setting.generation)
        token = play_token(key, str(name), int(expires.timestamp()))
        scheme, _, host = base_url.partition("://")
        if not host:
            raise InvalidInputError(
                "host", "is needed: the name or address under which viewers reach the node", code="host_unknown"
            )
        place = Place.of(scheme, host, seen.observed.ports, web)
        urls = {f: play_url(f, name, place, f"{QUERY}={token}") for f in formats if place.serves(f)}
        return Link(name, there.id, token, expires, setting.auth, urls)
