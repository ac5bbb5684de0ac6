"""Test cards: a source that a node makes itself, published as a stream of the user's choice, for some minutes. What is
to be seen of a stream is seen without an encoder.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ulid import ULID

from chalicelib.domain import sources as rules
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.sources import Source
from chalicelib.domain.sessions import shows_live
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Save, Store
from chalicelib.services.nodes import sightings
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.paging import everything
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.services.pushing.holds import refuse_taken
from chalicelib.services.sources.editing import Playing, SourceEditor
from chalicelib.services.sources.finding import Finding
from chalicelib.wire.names import DEFAULT_VHOST, StreamName, folded
from chalicelib.wire.sources import CARD_FEATURE, MAX_CARD_MINUTES

MOST_AT_ONCE: Final = 3
"""Each is an encoder on the node."""


class TestCards:
    """Starts and stops them; what they do meanwhile is a source's business."""

    def __init__(self, store: Store, editor: SourceEditor, questions: Questions, clock: Clock) -> None:
        self._store = store
        self._editor = editor
        self._questions = questions
        self._clock = clock
        self._finding = Finding(store)

    def all(self) -> list[Playing]:
        """Those that run or are about to."""
        return [self._editor.get(s.id) for s in self._cards()]

    def _cards(self) -> list[Source]:
        return [s for s in everything(self._store, Source, "SOURCES") if s.kind == "card"]

    def start(self, stream: str, node: str | None, minutes: int) -> Playing:
        """Publish a card as a stream.

        Raises:
            InvalidInputError: the name can be no stream's, or there are several nodes and none was named.
            ConflictError: the stream is live, it has a card already, or there are enough of them.
            UnavailableError: the node is away, too old, or its FFmpeg can't do it.
        """
        name, now = parse_stream(stream), self._clock()
        if name.vhost != DEFAULT_VHOST:
            raise InvalidInputError(
                "stream", "a test card is published to the default virtual host alone", code="vhost_not_taken"
            )
        there = self._questions.node(node).id
        self._check_node(there)
        running = self._cards()
        if any(c.url == rules.card_url(name) for c in running):
            raise ConflictError("this stream has a test card already", code="card_runs")
        if len(running) >= MOST_AT_ONCE:
            raise ConflictError(f"{MOST_AT_ONCE} test cards run already; stop one first", code="cards_enough")
        self._refuse_live(name)
        card = Source(
            id=str(ULID.from_datetime(now)).lower(),
            kind="card",
            name="Test card",
            node=there,
            url=rules.card_url(name),
            loop=False,
            until=now + timedelta(minutes=min(minutes, MAX_CARD_MINUTES)),
            created_at=now,
            updated_at=now,
        )
        refuse_taken(self._store, card)
        self._store.commit(Save(card))
        return self._editor.get(card.id)

    def _check_node(self, node: str) -> None:
        seen = sightings.seen(self._store, node)
        if seen is None or seen.lost:
            raise UnavailableError("the node does not answer; check that its agent runs", code="node_lost", node=node)
        found = seen.observed.ffmpeg
        if found is not None and found.cards:
            return
        lacks = ", ".join(found.missing.get(CARD_FEATURE, [])) if found is not None else ""
        if lacks:
            words = f"the node's FFmpeg can make no test card: it lacks {lacks}"
            raise UnavailableError(words, code="ffmpeg_lacks", what=lacks)
        words = "the agent of the node is too old for this, or has not looked at its FFmpeg yet"
        raise UnavailableError(words, code="agent_too_old", node=node)

    def _refuse_live(self, name: StreamName) -> None:
        now = self._clock()
        for session in everything(self._store, Session, "LIVE"):
            if folded(str(session.stream)) == folded(str(name)) and shows_live(session, now):
                raise ConflictError(
                    "a stream of this name is live; take another name, or cut it off first", code="busy"
                )

    def stop(self, card: str) -> None:
        """End a card. One that has ended is none any more.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Source, card)
        if found is None or found.kind != "card":
            raise NotFoundError("there is no such test card")
        self._store.commit(Delete(found))

    def sweep(self) -> int:
        """Put away cards whose time is over; returns how many. Their nodes stopped by themselves, if they could."""
        now, over = self._clock(), 0
        for card in self._finding.cards():
            if card.until is not None and card.until <= now:
                self._store.commit(Delete(card))
                over += 1
        return over
