"""Who is calling."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import cast

from chalicelib.domain import access, ids
from chalicelib.domain.access import Caller
from chalicelib.domain.errors import ConflictError, ForbiddenError, UnauthenticatedError
from chalicelib.domain.model.account import ApiSecret, Credential
from chalicelib.domain.model.nodes import Node
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.ports.upkeep import Bootstrap
from chalicelib.services.account.api_secret import ApiSecrets


def bearer(header: str | None) -> str:
    """The token of an `Authorization: Bearer …` header.

    Raises:
        UnauthenticatedError: the header is missing or of another form.
    """
    scheme, _, token = (header or "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token or " " in token:
        raise UnauthenticatedError("an 'Authorization: Bearer <token>' header is needed", code="token_missing")
    return token


class Auth:
    """Checks callers."""

    def __init__(self, store: Store, clock: Clock, bootstrap: Callable[[], Bootstrap], machine_token: str = "") -> None:
        """`machine_token`: what programs of the host's machine show, another at each start; '': there is none."""
        self._store = store
        self._clock = clock
        self._machine_token = machine_token
        self._api_secrets = ApiSecrets(store, clock, bootstrap)

    def caller(self, header: str | None) -> Caller:
        """Who calls the management API, and with which scope.

        Raises:
            UnauthenticatedError: the token is missing or wrong.
        """
        token = bearer(header)
        if self._machine_token and hmac.compare_digest(ids.token_hash(token), ids.token_hash(self._machine_token)):
            return Caller(access.THIS_MACHINE, "admin", id=access.THIS_MACHINE)
        known, found = self._store.get_many([(ApiSecret, ()), (Credential, (ids.token_hash(token),))])
        if self._api_secrets.accepts(token, cast("ApiSecret | None", known)):
            return Caller(access.API_SECRET, "admin", id=access.API_SECRET)
        if not isinstance(found, Credential) or found.kind != "api" or not self._valid(found, self._clock()):
            raise UnauthenticatedError(
                "the token is not valid; take one from the console or by `sluice`", code="token_invalid"
            )
        self._used(found)
        name = f"{access.SUPPORT}{found.name}" if found.support else found.name
        return Caller(name, found.scope, found.support, access.token_id(found), found.expires_at)

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
            ForbiddenError: the node was revoked.
        """
        found = self._store.get(Credential, ids.token_hash(bearer(header)))
        return self.node_of_credential(found)

    def node_of_credential(self, found: Credential | None) -> str:
        """The same with the credential already read.

        Raises:
            ForbiddenError: the node was revoked, so that enrolling again is of no use.
        """
        if found is not None and found.kind == "node":
            if self._valid(found, self._clock()):
                return found.subject
            node = self._store.get(Node, found.subject)
            if node is not None and node.revoked:
                raise ForbiddenError("this node was revoked")
        raise UnauthenticatedError("the node token is unknown or revoked; enrol the node again")

    @staticmethod
    def _valid(found: Credential, now: datetime) -> bool:
        return not found.revoked and (found.expires_at is None or now < found.expires_at)
