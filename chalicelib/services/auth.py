"""Who is calling."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from chalicelib.domain import access, ids
from chalicelib.domain.access import Caller
from chalicelib.domain.errors import ConflictError, ForbiddenError, UnauthenticatedError
from chalicelib.domain.model import Credential, Node
from chalicelib.ports import Bootstrap, Clock, Nudger, Put, Save, Store
from chalicelib.wire.edge import EnrollRequest, EnrollResponse

JOIN_TOKEN_LIFE = timedelta(hours=1)


def bearer(header: str | None) -> str:
    """The token of an `Authorization: Bearer …` header.

    Raises:
        UnauthenticatedError: the header is missing or of another form.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token:
        raise UnauthenticatedError("an 'Authorization: Bearer <token>' header is needed")
    return token


class Auth:
    """Checks callers, enrols nodes, makes join tokens."""

    def __init__(self, store: Store, nudger: Nudger, clock: Clock, bootstrap: Callable[[], Bootstrap]) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._bootstrap = bootstrap

    def caller(self, header: str | None) -> Caller:
        """Who calls the management API, and with which scope.

        Raises:
            UnauthenticatedError: the token is missing or wrong.
        """
        token = bearer(header)
        if hmac.compare_digest(ids.token_hash(token), ids.token_hash(self._bootstrap().api_secret)):
            return Caller("api-secret", "admin")
        found = self._store.get(Credential, ids.token_hash(token))
        if found is None or found.kind != "api" or not self._valid(found, self._clock()):
            raise UnauthenticatedError("the token is not valid; take one from the console or by `sluice`")
        self._used(found)
        return Caller(f"support:{found.name}" if found.support else found.name, found.scope, found.support)

    def _used(self, token: Credential) -> None:
        now = self._clock()
        if not access.use_is_news(token, now):
            return
        with suppress(ConflictError):  # another function wrote it down, or the token was revoked just now
            self._store.commit(Save(token.model_copy(update={"last_used": now})))

    def check_api(self, header: str | None) -> str:
        """Who calls the management API with all rights, by name.

        Raises:
            UnauthenticatedError: the token is missing or wrong.
            ForbiddenError: the token has another scope than admin.
        """
        caller = self.caller(header)
        access.require(caller, "admin")
        return caller.name

    def node_of(self, header: str | None) -> str:
        """The node that calls.

        Raises:
            UnauthenticatedError: the token is missing, unknown or revoked; the node has to enrol again.
        """
        found = self._store.get(Credential, ids.token_hash(bearer(header)))
        return self.node_of_credential(found)

    def node_of_credential(self, found: Credential | None) -> str:
        """The same with the credential already read."""
        if found is None or found.kind != "node" or not self._valid(found, self._clock()):
            raise UnauthenticatedError("the node token is unknown or revoked; enrol the node again")
        return found.subject

    @staticmethod
    def _valid(found: Credential, now: datetime) -> bool:
        return not found.revoked and (found.expires_at is None or now < found.expires_at)

    def create_join_token(self, name: str = "") -> tuple[str, Credential]:
        """A new join token, valid for an hour, and what is kept of it."""
        now = self._clock()
        token = "join-" + secrets.token_hex(20)
        kept = Credential(
            hash=ids.token_hash(token), kind="join", name=name, created_at=now, expires_at=now + JOIN_TOKEN_LIFE
        )
        self._store.commit(Save(kept))
        return token, kept

    def _check_join(self, token: str) -> None:
        if hmac.compare_digest(ids.token_hash(token), ids.token_hash(self._bootstrap().join_token)):
            return
        found = self._store.get(Credential, ids.token_hash(token))
        if found is None or found.kind != "join" or not self._valid(found, self._clock()):
            raise UnauthenticatedError("the join token is unknown or has expired; make a new one")

    def enroll(self, request: EnrollRequest) -> EnrollResponse:
        """Give a node its identity. The same nonce gets the same node and a new token; the old one ends.

        Raises:
            UnauthenticatedError: the join token is not valid.
            ForbiddenError: the node was revoked.
        """
        self._check_join(request.join_token)
        now = self._clock()
        node_id = ids.node_id(request.nonce)
        old = self._store.get(Node, node_id)
        if old is not None and old.revoked:
            raise ForbiddenError("this node was revoked; remove its state folder to enrol it as a new one")
        token = f"node-{secrets.token_hex(24)}"
        node = (old or self._new_node(node_id, now)).model_copy(
            update={
                "name": request.name,
                "token_hash": ids.token_hash(token),
                "queue_url": self._nudger.create(node_id),
            }
        )
        kept = Credential(hash=node.token_hash, kind="node", subject=node_id, name=request.name, created_at=now)
        self._store.commit(Save(node), Save(kept), *self._ended(old))
        return EnrollResponse(node=node_id, token=token)

    def _ended(self, old: Node | None) -> list[Put]:
        previous = self._store.get(Credential, old.token_hash) if old else None
        return [Put(previous.model_copy(update={"revoked": True}))] if previous else []

    @staticmethod
    def _new_node(node_id: str, now: datetime) -> Node:
        return Node(id=node_id, name="", created_at=now, token_hash="", snapshot_key=secrets.token_hex(32))
