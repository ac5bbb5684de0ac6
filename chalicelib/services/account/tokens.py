"""The tokens of the management API: made, listed, revoked. Only their hashes are kept."""

from __future__ import annotations

import secrets
from datetime import datetime

from chalicelib.domain import access, ids
from chalicelib.domain.errors import InvalidInputError, NotFoundError
from chalicelib.domain.model.account import Credential
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Page, Save, Store
from chalicelib.services.paging import everything

INDEX = "TOKENS#api"
MAX_TOKENS = 1000


class Tokens:
    """Makes and ends tokens. `Auth` checks them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self, name: str, scope: str, expires_at: datetime | None, *, support: bool = False
    ) -> tuple[str, Credential]:
        """A new token, which is shown this once, and what is kept of it. One for `support` reads and ends by itself.

        Raises:
            InvalidInputError: the name, the scope or the time is not usable, or there are too many tokens.
        """
        now = self._clock()
        access.check_token_name(name)
        ends = access.expiry(expires_at, now, support=support)
        parts = " ".join(map(str, access.grants_of(scope)))
        if support and parts != "read":
            raise InvalidInputError("scope", "of a token for support is read", code="support_reads")
        if len(everything(self._store, Credential, INDEX)) >= MAX_TOKENS:
            raise InvalidInputError(
                "", f"there are {MAX_TOKENS} tokens already; revoke some first", code="too_many", most=MAX_TOKENS
            )
        token = access.TOKEN_PREFIX + secrets.token_urlsafe(32)
        kept = Credential(
            hash=ids.token_hash(token),
            kind="api",
            name=name,
            scope=parts,
            support=support,
            created_at=now,
            expires_at=ends,
        )
        self._store.commit(Save(kept))
        return token, kept

    def page(self, limit: int, cursor: str | None) -> Page[Credential]:
        """The tokens that are not revoked and not expired."""
        return self._store.index(Credential, INDEX, limit=limit, cursor=cursor)

    def revoke(self, token: str) -> Credential:
        """End a token by its id, at once. What is revoked is gone; the audit keeps that it was.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.index(Credential, INDEX, prefix=token, limit=2).items
        if len(token) != access.ID_LENGTH or len(found) != 1:
            raise NotFoundError("there is no such token")
        # The index may lag behind a use that was just written down; the version of the item itself counts.
        current = self._store.get(Credential, found[0].hash)
        if current is not None:
            self._store.commit(Delete(current))
        return found[0]
