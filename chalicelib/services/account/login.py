"""The administrator logs in: password in, login out. And the tokens (JWT) that the compatible API shows logins by."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.domain import passwords
from chalicelib.domain.errors import ConflictError, InvalidInputError, UnauthenticatedError
from chalicelib.domain.ids import token_hash
from chalicelib.domain.model.account import AdminPassword, ApiSecret, Credential
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Delete, Put, Save, Store
from chalicelib.ports.upkeep import Bootstrap
from chalicelib.services.account import signed
from chalicelib.services.account.api_secret import ApiSecrets
from chalicelib.services.account.logins import LIFE, SIGN_IN_LIFE, Begun, Logins
from chalicelib.services.account.throttle import Throttle

_log = Logger(child=True)
MAX_PASSWORD: Final = 1000


@dataclass(frozen=True, slots=True)
class Token:
    """A JWT with its times."""

    token: str = field(repr=False)
    created_at: datetime
    expires_at: datetime


class Login:
    """Checks the admin password and makes logins."""

    def __init__(
        self, store: Store, bootstrap: Callable[[], Bootstrap], clock: Clock, master: Callable[[], str]
    ) -> None:
        self._store = store
        self._bootstrap = bootstrap
        self._clock = clock
        self._throttle = Throttle(store, clock)
        self.logins = Logins(store, clock, master)
        self.api_secrets = ApiSecrets(store, clock, bootstrap)

    @property
    def api_secret(self) -> str:
        """The API secret."""
        return self.api_secrets.current()

    # the password

    def is_initialised(self) -> bool:
        """Whether there is an admin password."""
        return bool(self._bootstrap().admin_password) or self._store.get(AdminPassword) is not None

    def initialise(self, password: str) -> Token:
        """Set the first password.

        Raises:
            ConflictError: there is one already; it is never replaced here.
        """
        if self.is_initialised():
            raise ConflictError("the system has a password already; log in with it", code="password_set_already")
        self._store.commit(Save(self._hashed(password, None)))
        return self._token(self.logins.begin("compatible", 1))

    def reset(self, password: str, keep: str = "") -> None:
        """Set a new password, whatever holds now, for an operator who has proved to be one. All logins end but the one
        with the hash `keep`.

        Raises:
            InvalidInputError: it is empty or too long.
        """
        new = self._hashed(password, self._store.get(AdminPassword))
        own = self._store.get(Credential, keep) if keep else None
        kept = [Put(own.model_copy(update={"generation": new.generation}))] if own else []
        self._store.commit(Put(new), *kept)
        # They hold no more by their generation; this clears the list.
        self.logins.end_others(keep)
        _log.warning("password_changed")

    @staticmethod
    def _hashed(password: str, known: AdminPassword | None) -> AdminPassword:
        if not password or len(password) > MAX_PASSWORD:
            raise InvalidInputError(
                "password",
                f"must have 1 to {MAX_PASSWORD} characters",
                code="length_out_of_range",
                least=1,
                most=MAX_PASSWORD,
            )
        salt = secrets.token_hex(16)
        hashed = passwords.scrypt(password, salt)
        version, generation = (known.version, known.generation) if known else (0, 0)
        return AdminPassword(version=version, salt=salt, hash=hashed, generation=generation + 1)

    def verify(self, password: str, address: str) -> int:
        """Check the password. Every try is counted before it is made. Returns the password's generation.

        Raises:
            ConflictError: there is no password yet.
            TooManyTriesError: there were too many tries.
            UnauthenticatedError: the password is wrong.
        """
        if not self.is_initialised():
            raise ConflictError("the system has no password yet; set one first", code="password_not_set")
        self._throttle.count(address)
        known = self._store.get(AdminPassword)
        if not password or len(password) > MAX_PASSWORD or not self._is_right(password, known):
            _log.warning("login_refused", extra={"address": address})
            raise UnauthenticatedError("the password is wrong", code="password_wrong")
        self._throttle.forget(address)
        return known.generation if known else 0

    def _is_right(self, password: str, known: AdminPassword | None) -> bool:
        """A password that was set here holds; else the installation's own."""
        if known is not None:
            return passwords.matches(password, known.salt, known.hash)
        return hmac.compare_digest(token_hash(password), token_hash(self._bootstrap().admin_password))

    # logins

    def login(self, password: str, address: str) -> Token:
        """Log in to the compatible API.

        Raises:
            ConflictError: there is no password yet.
            TooManyTriesError: there were too many tries.
            UnauthenticatedError: the password is wrong.
        """
        return self._token(self.logins.begin("compatible", self.verify(password, address), address))

    def sign_in(self, password: str, address: str) -> Begun:
        """Log in to the console. Raises the same."""
        return self.logins.begin("console", self.verify(password, address), address)

    def sign_in_link(self) -> tuple[str, Credential]:
        """A token that signs somebody in once, and what is kept of it."""
        token, now = secrets.token_urlsafe(32), self._clock()
        kept = Credential(hash=token_hash(token), kind="sign_in", created_at=now, expires_at=now + SIGN_IN_LIFE)
        self._store.commit(Save(kept))
        return token, kept

    def sign_in_by_link(self, token: str, password: str | None, address: str) -> Begun:
        """Use up the token of a link; with a password, set that as well.

        Raises:
            UnauthenticatedError: the token is unknown, was used, or has expired.
            InvalidInputError: the password is empty or too long.
        """
        found = self._store.get(Credential, token_hash(token))
        if found is None or found.kind != "sign_in" or found.expires_at is None or found.expires_at <= self._clock():
            raise UnauthenticatedError("the link was used or has expired; make a new one", code="link_used")
        known = self._store.get(AdminPassword)
        new = self._hashed(password, known) if password is not None else None
        holding = new or known
        begun = self.logins.new("console", holding.generation if holding else 0, address)
        changes: list[Change] = [Delete(found), Save(begun.kept), *([Save(new)] if new else [])]
        try:
            self._store.commit(*changes)
        except ConflictError:
            raise UnauthenticatedError("the link was used just now; make a new one", code="link_used") from None
        if new is not None:
            self.logins.end_others(begun.kept.hash)
        return begun

    # the compatible API's tokens

    def _token(self, begun: Begun) -> Token:
        now = self._clock().replace(microsecond=0)
        expires = (begun.kept.expires_at or now).replace(microsecond=0)
        claims = {
            "v": "1.0",
            "nonce": secrets.token_hex(8),
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "sid": begun.secret,
            "gen": begun.kept.generation,
        }
        return Token(signed.sign(claims, self.api_secret), now, expires)

    def token_of_secret(self) -> Token:
        """A token for who showed the API secret."""
        return self._token(self.logins.by_api_secret(self.api_secret))

    def renewed(self, token: str) -> Token:
        """A new token of the same login; the old one goes on.

        Raises:
            UnauthenticatedError: the token is not good.
        """
        secret, kept = self._checked(token)
        if kept.subject != "compatible":
            return self._token(Begun(secret, kept))  # it ends with the API secret
        longer = kept.model_copy(update={"expires_at": self._clock() + LIFE["compatible"]})
        with suppress(ConflictError):
            self._store.commit(Save(longer))
        return self._token(Begun(secret, longer))

    def check_bearer(self, header: str) -> None:
        """Check an `Authorization` header of the compatible API: exactly two words, the second the API secret.

        Raises:
            UnauthenticatedError: it is not so.
        """
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer" or not self.api_secrets.is_right(value):
            raise UnauthenticatedError("the bearer is not valid")

    def check_token(self, token: str) -> None:
        """Check a JWT: HS256 only, with an expiry, of a login that holds.

        Raises:
            UnauthenticatedError: it is not one of ours, has expired, or its login has ended.
        """
        self._checked(token)

    def _checked(self, token: str) -> tuple[str, Credential]:
        claims = self._claims(token)
        if "sid" not in claims:
            # Made by somebody who has the API secret, with which existing clients may sign (section 2.3).
            begun = self.logins.by_api_secret(self.api_secret)
            return begun.secret, begun.kept
        secret = str(claims["sid"])
        kept = self.logins.check(secret, "compatible", "bearer")
        if claims.get("gen") != kept.generation:
            raise UnauthenticatedError("the token is from before the password was changed; log in again")
        return secret, kept

    def _claims(self, token: str) -> dict[str, Any]:
        """What a token says that is signed with the API secret and holds now, by the product's clock."""
        for key in self.api_secrets.good(self._store.get(ApiSecret)):
            with suppress(signed.NotOursError, TypeError, ValueError):
                claims = signed.read(token, key, require=["exp"])
                self._in_time({name: float(claims.get(name, 0)) for name in ("exp", "iat", "nbf")})
                return claims
        raise UnauthenticatedError("the token is not valid")

    def _in_time(self, times: dict[str, float]) -> None:
        now = self._clock().timestamp()
        if times["exp"] <= now or times["iat"] > now + 1 or times["nbf"] > now + 1:
            raise UnauthenticatedError("the token has expired, or is not valid yet")

    def rotate_api_secret(self, grace_s: int) -> str:
        """A new API secret. The tokens that the old one was shown for end with it.

        Raises:
            InvalidInputError: the time of grace is too long.
            ConflictError: somebody else rotated at the same time.
        """
        old = self.logins.by_api_secret(self.api_secret).kept
        new = self.api_secrets.rotate(grace_s)
        known = self._store.get(Credential, old.hash)
        if known is not None:
            self._store.commit(Put(known.model_copy(update={"expires_at": new.previous_until})))
        return new.current
