"""How an edge becomes a node, and stops being one: join tokens, enrolment, new tokens, revocation."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.domain import ids
from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from chalicelib.domain.model.account import Credential
from chalicelib.domain.model.nodes import Node
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Nudger
from chalicelib.ports.store import Change, Put, Save, Store
from chalicelib.ports.upkeep import Bootstrap
from chalicelib.wire.edge.enrolment import EnrollRequest, EnrollResponse

_log = Logger(child=True)
JOIN_TOKEN_LIFE: Final = timedelta(hours=1)
OVERLAP: Final = timedelta(seconds=60)
"""So long a node's old token is good for calls that were under way when the new one was first used."""
_TRIES: Final = 6


def _new_token() -> str:
    return f"node-{secrets.token_hex(24)}"


class Enrolment:
    """Enrols nodes, makes join tokens, gives nodes new tokens."""

    def __init__(self, store: Store, nudger: Nudger, clock: Clock, bootstrap: Callable[[], Bootstrap]) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._bootstrap = bootstrap

    # join tokens

    def create_join_token(self, name: str = "") -> tuple[str, Credential]:
        """A new join token, for one node and an hour, and what is kept of it."""
        now = self._clock()
        token = "join-" + secrets.token_hex(20)
        kept = Credential(
            hash=ids.token_hash(token), kind="join", name=name, created_at=now, expires_at=now + JOIN_TOKEN_LIFE
        )
        self._store.commit(Save(kept))
        return token, kept

    def _use(self, join_token: str, node: str, now: datetime) -> list[Change]:
        """The write that makes the join token this node's, none when it is already.

        Raises:
            UnauthenticatedError: it is unknown, has expired, or is another node's.
        """
        key = ids.token_hash(join_token)
        found = self._store.get(Credential, key)
        if found is None and hmac.compare_digest(key, ids.token_hash(self._bootstrap().join_token)):
            # The installation's own: of the first node that shows it, for good.
            return [Save(Credential(hash=key, kind="join", name="installation", created_at=now, used_by=node))]
        if found is None or found.kind != "join" or (found.expires_at is not None and found.expires_at <= now):
            raise UnauthenticatedError("the join token is unknown or has expired; make a new one")
        if found.used_by and found.used_by != node:
            raise UnauthenticatedError("the join token was used by another node; make a new one")
        return [] if found.used_by else [Save(found.model_copy(update={"used_by": node}))]

    # enrolment

    def enroll(self, request: EnrollRequest) -> EnrollResponse:
        """Give a node its identity. A join token is good for one nonce. The same nonce gets the same node and a new
        token, while the join token lives: the answer before may have been lost. The node's old token ends.

        Raises:
            UnauthenticatedError: the join token is not valid.
            ForbiddenError: the node was revoked.
        """
        for _ in range(_TRIES):
            try:
                return self._enroll(request, ids.node_id(request.nonce))
            except ConflictError:
                continue  # another node used the token just now, or the same node asks twice
        raise UnavailableError("the enrolment is busy; try again")

    def _enroll(self, request: EnrollRequest, node_id: str) -> EnrollResponse:
        now = self._clock()
        old = self._store.get(Node, node_id)
        if old is not None and old.revoked:
            raise ForbiddenError("this node was revoked; remove its state folder to enrol it as a new one")
        used = self._use(request.join_token, node_id, now)
        token = _new_token()
        changes: dict[str, Any] = {"token_hash": ids.token_hash(token), "next_hash": "", "rotate": False}
        known = old or Node(id=node_id, name="", created_at=now, token_hash="", snapshot_key=secrets.token_hex(32))
        changes["name"] = known.name if known.named else request.name
        node = known.model_copy(update=changes | {"queue_url": self._nudger.create(node_id)})
        self._store.commit(Save(node), Save(self._credential(node, node.token_hash)), *used, *self._ended(old))
        _log.info("node_enrolled", extra={"node": node_id, "again": old is not None})
        return EnrollResponse(node=node_id, token=token)

    def _credential(self, node: Node, key: str) -> Credential:
        return Credential(hash=key, kind="node", subject=node.id, name=node.name, created_at=self._clock())

    def _ended(self, old: Node | None) -> list[Change]:
        """The writes that end all tokens of a node."""
        keys = [key for key in (old.token_hash, old.next_hash) if key] if old else []
        found = [self._store.get(Credential, key) for key in keys]
        return [Put(c.model_copy(update={"revoked": True})) for c in found if c is not None]

    # new tokens

    def _node(self, node_id: str) -> Node:
        found = self._store.get(Node, node_id)
        if found is None:
            raise NotFoundError("there is no such node")
        return found

    def rotate(self, node_id: str) -> Node:
        """Have a node take a new token with its next sync. The old one ends when the new one is first used, so that a
        lost answer costs nothing.

        Raises:
            NotFoundError: there is no such node.
            ConflictError: it was revoked.
        """
        node = self._node(node_id)
        if node.revoked:
            raise ConflictError("the node was revoked; it has no token", code="node_revoked")
        self._store.commit(Save(node.model_copy(update={"rotate": True})))
        if node.queue_url:
            self._nudger.nudge(node.queue_url)
        return node

    def at_sync(self, node: Node, token: str) -> str | None:
        """A node syncs with `token`. Returns the new token that it is to have, or None when it has the right one."""
        key = ids.token_hash(token)
        try:
            if node.next_hash and hmac.compare_digest(key, node.next_hash):
                self._promote(node)
            elif node.rotate:
                return self._hand_over(node)
        except ConflictError:
            _log.info("node_token_conflict", extra={"node": node.id})  # the next sync does it
        return None

    def _hand_over(self, node: Node) -> str:
        """A token that was handed over before and not used is replaced: its answer was lost."""
        token = _new_token()
        key = ids.token_hash(token)
        lost = self._store.get(Credential, node.next_hash) if node.next_hash else None
        ended = [Put(lost.model_copy(update={"revoked": True}))] if lost else []
        self._store.commit(Save(node.model_copy(update={"next_hash": key})), Save(self._credential(node, key)), *ended)
        return token

    def _promote(self, node: Node) -> None:
        old = self._store.get(Credential, node.token_hash)
        until = {"expires_at": self._clock() + OVERLAP}
        ended = [Put(old.model_copy(update=until))] if old else []
        new = node.model_copy(update={"token_hash": node.next_hash, "next_hash": "", "rotate": False})
        self._store.commit(Save(new), *ended)
        _log.info("node_token_rotated", extra={"node": node.id})

    def end(self, node_id: str) -> Node:
        """Revoke a node: its tokens end at once. Returns the node.

        Raises:
            NotFoundError: there is no such node.
        """
        node = self._node(node_id)
        revoked = node.model_copy(update={"revoked": True, "rotate": False, "next_hash": "", "draining": False})
        self._store.commit(Save(revoked), *self._ended(node))
        if node.queue_url:
            self._nudger.forget(node.queue_url)
        return revoked.model_copy(update={"version": node.version + 1})
