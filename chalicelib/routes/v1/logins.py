"""`/v1/login`, `/v1/me`, `/v1/logins`, `/v1/sign-in-links`, `/v1/api-secret`: who is logged in, and by what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from chalicelib.domain.access import Caller, grants_of, token_id
from chalicelib.domain.model.account import Credential
from chalicelib.services.account.api_secret import MAX_GRACE_S
from chalicelib.services.account.logins import LIFE, Begun
from chalicelib.wiring.services import wiring

from .. import client
from ..views import SHOWN_SECRET, Items, View
from . import protocol
from .base import SECRET, Body, Call, Nothing, cookie_name, operation, v1


class Password(Body):
    """The admin password."""

    password: str = Field(min_length=1, max_length=1000, json_schema_extra=SECRET)


class SignIn(Body):
    """A sign-in link's token, and a password to be set if there is to be a new one."""

    token: str = Field(min_length=1, max_length=200, json_schema_extra=SECRET)
    password: str | None = Field(default=None, min_length=8, max_length=1000, json_schema_extra=SECRET)


class Rotation(Body):
    """For how long the API secret of before is good."""

    grace_s: int = Field(default=0, ge=0, le=MAX_GRACE_S)


class MeShown(View):
    """Who calls. `scopes`: the parts of its scope."""

    id: str
    name: str = Field(examples=["admin"])
    kind: Literal["api-secret", "token", "support", "login"]
    scopes: list[str] = Field(examples=[["admin"]])
    expires_at: datetime | None

    @classmethod
    def of(cls, c: Caller) -> Self:
        """As it is shown."""
        by_secret = "api-secret" if c.id == "api-secret" else "token"
        kind: Any = "login" if c.login else "support" if c.support else by_secret
        scopes = [str(grant) for grant in grants_of(c.scope)]
        return cls(id=c.id, name=c.name, kind=kind, scopes=scopes, expires_at=c.expires_at)


class LoginShown(View):
    """A login that holds. `last_used` is at most an hour old."""

    id: str
    kind: Literal["console", "compatible", "bearer"] = Field(
        description="By the console, by the compatible API's login, or by showing that API the API secret."
    )
    created_at: datetime
    last_used: datetime | None
    expires_at: datetime | None
    address: str
    current: bool = Field(description="The one that asks.")

    @classmethod
    def of(cls, c: Credential, caller: Caller) -> Self:
        """As it is shown."""
        shown = {"id": token_id(c), "kind": c.subject, "current": c.hash == caller.login}
        return cls.model_validate(c.model_dump(include=set(cls.model_fields) - {"kind"}) | shown)


class SignInLink(View):
    """A link that signs in once, at the console's own address. The token is behind a `#`, so that no log has it."""

    path: str = Field(examples=["/console/sign-in#…"], json_schema_extra=SHOWN_SECRET)
    expires_at: datetime | None


class ApiSecretShown(View):
    """The API secret: a bearer with all rights, which clients of the compatible API use."""

    secret: str = Field(json_schema_extra=SHOWN_SECRET)


def _begun(call: Call[Any], begun: Begun, action: str) -> MeShown:
    """Give the caller its cookie. The audit has who came in; who did not, the log has."""
    request = v1.current_request
    address = client.address(request)
    caller = wiring.login.logins.caller(begun.secret)
    entry = wiring.audit.begin(caller.name, action, str(request.path), address, {}, by=caller.id)
    wiring.audit.end(entry, "done", 200)
    _cookie(call, begun.secret, int(LIFE["console"].total_seconds()))
    return MeShown.of(caller)


def _cookie(call: Call[Any], value: str, life_s: int) -> None:
    call.headers.update(protocol.set_cookie(v1.current_request, cookie_name(), value, life_s))


@operation("POST", "/v1/login", scope=None, changes=False)
def log_in(call: Call[Password]) -> MeShown:
    """Log in to the console: the answer sets a cookie. Callers by cookie send `X-Sluice-Console: 1` and `Origin`."""
    protocol.check_console(v1.current_request)
    begun = wiring.login.sign_in(call.sent.password, client.address(v1.current_request))
    return _begun(call, begun, "log_in")


@operation("POST", "/v1/sign-in", scope=None, changes=False)
def sign_in(call: Call[SignIn]) -> MeShown:
    """Use up a sign-in link: the answer sets a cookie. With a password, that becomes the admin password."""
    protocol.check_console(v1.current_request)
    address = client.address(v1.current_request)
    begun = wiring.login.sign_in_by_link(call.sent.token, call.sent.password, address)
    return _begun(call, begun, "sign_in")


@operation("POST", "/v1/logout", scope="read", status=204, own=True)
def log_out(call: Call[Nothing]) -> None:
    """End the login that this call came by, and remove its cookie."""
    if call.caller.login:
        wiring.login.logins.end_by_hash(call.caller.login)
    _cookie(call, "", 0)


@operation("GET", "/v1/me", scope="read", own=True)
def get_me(call: Call[Nothing]) -> MeShown:
    """Who calls, and what it may."""
    secret = protocol.cookie(v1.current_request, cookie_name())
    if call.caller.login and secret:
        _cookie(call, secret, int(LIFE["console"].total_seconds()))
    return MeShown.of(call.caller)


@operation("GET", "/v1/logins")
def list_logins(call: Call[Nothing]) -> Items[LoginShown]:
    """Who is logged in, newest first."""
    return Items[LoginShown](items=[LoginShown.of(c, call.caller) for c in wiring.login.logins.all()])


@operation("DELETE", "/v1/logins/{login}", status=204)
def end_login(call: Call[Nothing], login: str) -> None:
    """End a login, at once."""
    wiring.login.logins.end(login)


@operation("DELETE", "/v1/logins", status=204)
def end_logins(call: Call[Nothing]) -> None:
    """End all logins but the one that this call came by."""
    wiring.login.logins.end_others(call.caller.login)


@operation("POST", "/v1/sign-in-links", status=201)
def create_sign_in_link(call: Call[Nothing]) -> SignInLink:
    """A link that signs in to the console once, within 15 minutes; shown this once."""
    token, kept = wiring.login.sign_in_link()
    return SignInLink(path=f"/console/sign-in#{token}", expires_at=kept.expires_at)


@operation("GET", "/v1/api-secret")
def get_api_secret(call: Call[Nothing]) -> ApiSecretShown:
    """The API secret."""
    return ApiSecretShown(secret=wiring.login.api_secret)


@operation("POST", "/v1/api-secret")
def rotate_api_secret(call: Call[Rotation]) -> ApiSecretShown:
    """Make a new API secret. The one before ends at once, or in `grace_s` seconds, and with it the tokens that it was
    shown for.
    """
    return ApiSecretShown(secret=wiring.login.rotate_api_secret(call.sent.grace_s))
