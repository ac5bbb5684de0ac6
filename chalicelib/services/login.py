"""The administrator logs in: password in, JWT out."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from aws_lambda_powertools import Logger

from chalicelib.domain import passwords
from chalicelib.domain.errors import ConflictError, ForbiddenError, InvalidInputError, UnauthenticatedError
from chalicelib.domain.ids import token_hash
from chalicelib.domain.model import AdminPassword, LoginHold
from chalicelib.ports import Bootstrap, Clock, Put, Save, Store

_log = Logger(child=True)
TOKEN_LIFE: Final = timedelta(days=365)
HOLD_S: Final = 10.0
MAX_PASSWORD: Final = 1000


@dataclass(frozen=True, slots=True)
class Token:
    """A JWT with its times."""

    token: str = field(repr=False)
    created_at: datetime
    expires_at: datetime


class Login:
    """Checks the admin password and makes the tokens of the management API."""

    def __init__(
        self, store: Store, bootstrap: Callable[[], Bootstrap], clock: Clock, pause: Callable[[float], None]
    ) -> None:
        self._store = store
        self._bootstrap = bootstrap
        self._clock = clock
        self._pause = pause

    @property
    def api_secret(self) -> str:
        """The API secret: a bearer by itself, and the key of the tokens."""
        return self._bootstrap().api_secret

    def is_initialised(self) -> bool:
        """Whether there is an admin password."""
        return bool(self._bootstrap().admin_password) or self._store.get(AdminPassword) is not None

    def initialise(self, password: str) -> Token:
        """Set the first password.

        Raises:
            ConflictError: there is one already; it is never replaced here.
        """
        if self.is_initialised():
            raise ConflictError("the system has a password already; log in with it")
        self._store.commit(Save(self._hashed(password, 0)))
        return self.new_token()

    def reset(self, password: str) -> None:
        """Set a new password, whatever holds now. For an operator who has proved to be one."""
        known = self._store.get(AdminPassword)
        self._store.commit(Put(self._hashed(password, known.version if known else 0)))

    @staticmethod
    def _hashed(password: str, version: int) -> AdminPassword:
        if not password or len(password) > MAX_PASSWORD:
            raise InvalidInputError("password", f"must have 1 to {MAX_PASSWORD} characters")
        salt = secrets.token_hex(16)
        return AdminPassword(version=version, salt=salt, hash=passwords.scrypt(password, salt))

    def login(self, password: str, address: str) -> Token:
        """Check the password. After a wrong one the answer is held back, and the address has to wait as long.

        Raises:
            ConflictError: there is no password yet.
            ForbiddenError: another login from the address is being held back.
            UnauthenticatedError: the password is wrong.
        """
        if not self.is_initialised():
            raise ConflictError("the system has no password yet; set one first")
        hold = self._store.get(LoginHold, address)
        if hold is not None and hold.until > self._clock():
            raise ForbiddenError("another login from this address is in progress; try again in some seconds")
        if not password or len(password) > MAX_PASSWORD or not self._is_right(password):
            until = self._clock() + timedelta(seconds=HOLD_S)
            self._store.commit(Put(LoginHold(address=address, until=until)))
            _log.warning("login_refused", extra={"address": address})
            self._pause(HOLD_S)
            raise UnauthenticatedError("the password is wrong")
        return self.new_token()

    def _is_right(self, password: str) -> bool:
        """A password that was set here holds; else the installation's own."""
        kept = self._store.get(AdminPassword)
        if kept is not None:
            return passwords.matches(password, kept.salt, kept.hash)
        return hmac.compare_digest(token_hash(password), token_hash(self._bootstrap().admin_password))

    def new_token(self) -> Token:
        """A JWT for a year (HS256 under the API secret)."""
        now = self._clock().replace(microsecond=0)
        expires = now + TOKEN_LIFE
        claims = {
            "v": "1.0",
            "nonce": secrets.token_hex(8),
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return Token(jwt.encode(claims, self.api_secret, algorithm="HS256"), now, expires)

    def check_bearer(self, header: str) -> None:
        """Check an `Authorization` header of the compatible API: exactly two words, the second the API secret.

        Raises:
            UnauthenticatedError: it is not so.
        """
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token_hash(value), token_hash(self.api_secret)):
            raise UnauthenticatedError("the bearer is not valid")

    def check_token(self, token: str) -> None:
        """Check a JWT: HS256 only, with an expiry.

        Raises:
            UnauthenticatedError: it is not one of ours, or has expired.
        """
        # The times are checked below, by the product's clock.
        options: Any = {"require": ["exp"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims = jwt.decode(token, self.api_secret, algorithms=["HS256"], options=options)
            times = {name: float(claims.get(name, 0)) for name in ("exp", "iat", "nbf")}
        except (jwt.PyJWTError, TypeError, ValueError):
            raise UnauthenticatedError("the token is not valid") from None
        now = self._clock().timestamp()
        if times["exp"] <= now or times["iat"] > now + 1 or times["nbf"] > now + 1:
            raise UnauthenticatedError("the token has expired, or is not valid yet")
