"""Who is logged in: begun, checked, listed, ended. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from chalicelib.domain import access
from chalicelib.domain.access import Caller
from chalicelib.domain.errors import ConflictError, NotFoundError, UnauthenticatedError
from chalicelib.domain.ids import token_hash
from chalicelib.domain.model.account import AdminPassword, Credential
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Save, Store
from chalicelib.services.paging import everything

INDEX: Final = "TOKENS#login"
Kind = Literal["console", "compatible", "bearer"]
"""How it came about: by a cookie of the console, by a login of the compatible API, or by showing it the API secret."""
LIFE: Final[dict[Kind, timedelta]] = {
    "console": timedelta(days=30),
    "compatible": timedelta(days=365),
    "bearer": timedelta(days=365),
}
"""Of the console from its last use on; of the compatible API from the login on, as its contract says."""
SLIDES_AFTER: Final = timedelta(hours=1)
SIGN_IN_LIFE: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun. `secret` is what its holder shows from now on."""

    secret: str = field(repr=False)
    kept: Credential = field(repr=False)


class Logins:
    """Keeps the logins. `master`: the installation's key, from which others are derived."""

    def __init__(self, store: Store, clock: Clock, master: Callable[[], str]) -> None:
        self._store = store
        self._clock = clock
        self._master = master

    @property
    def instance(self) -> str:
        """A name of this installation that tells nothing: cookies don't know ports, so their names have to differ."""
        return hashlib.sha256(f"sluice-instance:{self._master()}".encode()).hexdigest()[:8]

    def generation(self) -> int:
        """That of the password now."""
        known = self._store.get(AdminPassword)
        return known.generation if known else 0

    def new(self, kind: Kind, generation: int, address: str = "") -> Begun:
        """A login that is still to be written down."""
        now = self._clock()
        secret = secrets.token_urlsafe(32)
        kept = Credential(
            hash=token_hash(secret),
            kind="login",
            subject=kind,
            name="admin",
            created_at=now,
            last_used=now,
            expires_at=now + LIFE[kind],
            generation=generation,
            address=address,
        )
        return Begun(secret, kept)

    def begin(self, kind: Kind, generation: int, address: str = "") -> Begun:
        """Somebody showed the password."""
        begun = self.new(kind, generation, address)
        self._store.commit(Save(begun.kept))
        return begun

    def by_api_secret(self, api_secret: str) -> Begun:
        """The one login of all who show the API secret; it ends with it."""
        secret = hashlib.sha256(f"sluice-bearer:{self._master()}:{api_secret}".encode()).hexdigest()
        known = self._store.get(Credential, token_hash(secret))
        now, generation = self._clock(), self.generation()
        lasts = known is not None and known.expires_at is not None and known.expires_at - now > LIFE["bearer"] / 2
        if known is not None and lasts and known.generation == generation:
            return Begun(secret, known)
        fresh = self.new("bearer", generation).kept
        kept = fresh.model_copy(update={"hash": token_hash(secret), "version": known.version if known else 0})
        with suppress(ConflictError):  # somebody else did just that
            self._store.commit(Save(kept))
        return Begun(secret, kept)

    def check(self, secret: str, *kinds: Kind) -> Credential:
        """The login that is shown.

        Raises:
            UnauthenticatedError: there is none, it has expired, was ended, or the password was changed since.
        """
        found, password = self._store.get_many([(Credential, (token_hash(secret),)), (AdminPassword, ())])
        login, known = cast("Credential | None", found), cast("AdminPassword | None", password)
        now = self._clock()
        good = login is not None and login.kind == "login" and not login.revoked and login.subject in kinds
        if login is None or not good or login.generation != (known.generation if known else 0):
            raise UnauthenticatedError("the login has ended; log in again", code="login_ended")
        if login.expires_at is None or login.expires_at <= now:
            raise UnauthenticatedError("the login has expired; log in again", code="login_expired")
        return self._used(login, now)

    def _used(self, login: Credential, now: datetime) -> Credential:
        if login.last_used is not None and now - login.last_used < SLIDES_AFTER:
            return login
        slid = {"expires_at": now + LIFE["console"]} if login.subject == "console" else {}
        used = login.model_copy(update={"last_used": now} | slid)
        with suppress(ConflictError):  # another call wrote it down, or it was ended just now
            self._store.commit(Save(used))
        return used

    def caller(self, secret: str) -> Caller:
        """Who shows a login of the console.

        Raises:
            UnauthenticatedError: it is none, or none any more.
        """
        login = self.check(secret, "console")
        return Caller(
            "admin", "admin", id=f"login:{access.token_id(login)}", expires_at=login.expires_at, login=login.hash
        )

    # seen and ended

    def all(self) -> list[Credential]:
        """The logins that hold, newest first."""
        now, generation = self._clock(), self.generation()
        found = everything(self._store, Credential, INDEX)
        good = [c for c in found if c.generation == generation and c.expires_at is not None and c.expires_at > now]
        return sorted(good, key=lambda c: c.created_at, reverse=True)

    def end(self, login: str) -> None:
        """End a login by its id, at once.

        Raises:
            NotFoundError: there is none.
        """
        found = [c for c in everything(self._store, Credential, INDEX, prefix=login) if access.token_id(c) == login]
        if not found or not self.end_by_hash(found[0].hash):
            raise NotFoundError("there is no such login")

    def end_by_hash(self, key: str) -> bool:
        """The same by its hash; False when there is none."""
        known = self._store.get(Credential, key)
        if known is None or known.kind != "login":
            return False
        with suppress(ConflictError):
            self._store.commit(Delete(known))
            return True
        # It was used at this moment.
        again = self._store.get(Credential, key)
        if again is not None:
            self._store.commit(Delete(again))
        return True

    def end_others(self, but: str = "") -> int:
        """End all logins but the one with the hash `but`; returns how many."""
        found = [c for c in everything(self._store, Credential, INDEX) if c.hash != but]
        return sum(self.end_by_hash(c.hash) for c in found)
