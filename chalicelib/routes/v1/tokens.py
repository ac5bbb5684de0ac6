"""`/v1/tokens`, `/v1/audit`: who may call, and who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from chalicelib.domain.access import WHOLE, grants_of, token_id
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.account import AuditEntry, Credential
from chalicelib.services.account.audit import AuditFilter
from chalicelib.wiring.services import wiring

from ..views import SHOWN_SECRET, Page, View
from .base import OPERATIONS, Body, Call, Moment, Nothing, Paging, operation

Kind = Literal["api", "support"]


class NewToken(Body):
    """A token to be made. read: look at everything but secrets; operate: also kick streams, switch destinations, end
    recordings, send callbacks again; admin: everything. Of a part of the API only: `operate:destinations`; of one thing
    only: `admin:rooms/<id>`, `operate:streams/live/*`. Several parts have spaces between them.
    """

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["dashboard"])
    kind: Kind = Field(
        default="api",
        description="support: for whoever helps. Reads everything, sees no secret, ends within seven days (24 hours).",
    )
    scope: str = Field(default="read", min_length=1, max_length=4000, examples=["read operate:destinations"])
    expires_at: datetime | None = Field(default=None, examples=["2030-01-01T00:00:00Z"])


class TokenShown(View):
    """What is known of a token. `last_used` is at most a minute old."""

    id: str
    name: str
    kind: Kind
    scope: str = Field(examples=["read operate:destinations"])
    created_at: datetime
    expires_at: datetime | None
    last_used: datetime | None

    @staticmethod
    def fields(c: Credential) -> dict[str, Any]:
        """What is shown of a token."""
        shown = c.model_dump(include={"name", "scope", "created_at", "expires_at", "last_used"})
        return shown | {"id": token_id(c), "kind": "support" if c.support else "api"}

    @classmethod
    def of(cls, c: Credential) -> Self:
        """As it is shown."""
        return cls(**cls.fields(c))


class FreshToken(TokenShown):
    """A new token, shown this once."""

    token: str = Field(examples=["sluice_…"], json_schema_extra=SHOWN_SECRET)


class AuditShown(View):
    """A change. `fields`: what was sent, secrets masked. `begun`: it is not known how it ended."""

    id: str
    at: datetime
    who: str = Field(examples=["api-secret"])
    by: str = Field(description="The id of the credentials: two tokens may have one name.", examples=["api-secret"])
    action: str = Field(examples=["change_destination"])
    path: str
    address: str
    fields: dict[str, Any]
    outcome: Literal["begun", "done", "refused", "failed"]
    status: int

    @classmethod
    def of(cls, e: AuditEntry) -> Self:
        """As it is shown."""
        return cls(**e.model_dump(exclude={"version"}))


@operation("GET", "/v1/tokens")
def list_tokens(call: Call[Paging]) -> Page[TokenShown]:
    """The tokens that are not revoked and not expired."""
    page = wiring.tokens.page(call.sent.limit, call.sent.cursor)
    return Page[TokenShown](items=[TokenShown.of(c) for c in page.items], cursor=page.cursor)


@operation("POST", "/v1/tokens", status=201)
def create_token(call: Call[NewToken]) -> FreshToken:
    """Make a token; it is shown this once."""
    sent = call.sent
    known = {path.split("/")[2] for _, path in OPERATIONS}
    for resource in {g.resource for g in grants_of(sent.scope)} - known - {""}:
        names = ", ".join(sorted(known - WHOLE - {"health", "shares"}))
        raise InvalidInputError(
            "scope", f"{resource} is no part of this API; there are {names}", code="scope_not_alone", resource=resource
        )
    token, kept = wiring.tokens.create(sent.name, sent.scope, sent.expires_at, support=sent.kind == "support")
    return FreshToken(**FreshToken.fields(kept), token=token)


@operation("DELETE", "/v1/tokens/{token}", status=204)
def revoke_token(call: Call[Nothing], token: str) -> None:
    """Revoke a token by its id. It ends at once."""
    wiring.tokens.revoke(token)


class AuditWanted(Paging):
    """Which entries."""

    who: str = Field(default="", max_length=100, description="Only of whose name holds this.", examples=["dashboard"])
    action: str = Field(default="", max_length=100, description="Only this.", examples=["change_destination"])
    since: Moment | None = Field(default=None, description="Only what happened then or later.")
    until: Moment | None = Field(default=None, description="Only what happened before.")


@operation("GET", "/v1/audit")
def list_audit(call: Call[AuditWanted]) -> Page[AuditShown]:
    """Who changed what, from where; newest first, kept for a year. A page with less than `limit` need not be
    the last.
    """
    sent = call.sent
    wanted = AuditFilter(sent.who, sent.action, sent.since, sent.until)
    page = wiring.audit.chosen(sent.limit, sent.cursor, wanted)
    return Page[AuditShown](items=[AuditShown.of(e) for e in page.items], cursor=page.cursor)
