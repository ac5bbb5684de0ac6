"""Who may call, and what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from chalicelib.domain.model.base import Entity


class Credential(Entity):
    """Something that opens a door, by its hash. `subject`: of a node's token its id, of a login how it came about."""

    hash: str
    kind: Literal["node", "join", "api", "login", "sign_in"]
    subject: str = ""
    name: str = ""
    scope: str = "admin"
    """As `access.grants_of` reads it."""
    support: bool = False
    """For whoever helps: it reads, and sees no secret."""
    created_at: datetime
    expires_at: datetime | None = None
    last_used: datetime | None = None
    revoked: bool = False
    used_by: str = ""
    """Of a join token: the one node that enrolled with it."""
    generation: int = 0
    """Of a login: that of the password that it was made with; see `AdminPassword`."""
    address: str = ""
    """Of a login: where it came from."""


class AdminPassword(Entity):
    """The admin password, as scrypt left it (RFC 7914). While there is none, the installation's own holds.
    `generation` grows with every change, and with it end the logins that were made before.
    """

    salt: str
    hash: str
    generation: int = 0


class ApiSecret(Entity):
    """The API secret once it was rotated; until then, the installation's own holds. `previous` is good for a while."""

    current: str = Field(repr=False)
    previous: str = Field(default="", repr=False)
    previous_until: datetime
    rotated_at: datetime


class LoginHold(Entity):
    """How often a password was tried from an address (`*`: from all of them), and how long it has to wait now."""

    address: str
    since: datetime
    """When the window began in which `tries` are counted."""
    tries: int = 0
    holds: int = 0
    """How often it had to wait; every time is longer."""
    until: datetime


class AuditEntry(Entity):
    """A change that somebody made. `fields`: what was sent, secrets masked. `outcome` is `begun` until it is known."""

    id: str
    at: datetime
    who: str
    by: str = ""
    """The id of the credentials: names may be given twice."""
    action: str
    path: str
    address: str = ""
    fields: dict[str, Any] = {}
    outcome: Literal["begun", "done", "refused", "failed"] = "begun"
    status: int = 0


class KeptAnswer(Entity):
    """The answer to a request with an `Idempotency-Key`; `status` 0 while the request is being answered."""

    id: str
    request_hash: str
    created_at: datetime
    status: int = 0
    headers: dict[str, str] = {}
    body: str = Field(default="", repr=False)
