"""Questions of the cloud that a node answers: what only the edge can know or do, while somebody waits for it.

A question travels with the answer to a `sync` (a nudge makes that come at once) and is answered by
`POST /edge/v1/results/{id}`. It may be handed over more than once: its id makes it the same one. What is to hold from
then on is no question but desired state.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from .base import Message, Ulid

MAX_WAIT_S: Final = 20.0
"""Nobody waits longer for an answer: the gateway in front of the cloud gives up after 29 s."""
MAX_RESULT: Final = 200 * 1024
"""Bytes of a result as JSON; what may be larger goes through the store."""


class Asked(Message):
    """A question on its way to a node; `body` is a `Question` of that `kind`, and may hold secrets."""

    id: Ulid
    kind: str
    deadline: AwareDatetime
    body: dict[str, Any] = Field(default={}, repr=False)


class QuestionResult(Message):
    """`POST /edge/v1/results/{id}`.

    `answered`: `data` is the result. `refused`: the question holds something that cannot be used, `field` names it.
    `missing`: what it is about is not on this node. `failed`: it was tried, and `error` says what went wrong.
    `unknown`: the agent does not know the kind; it is older than the cloud. `error` holds no secret.
    """

    version: int = 1
    outcome: Literal["answered", "refused", "missing", "failed", "unknown"]
    field: str = ""
    error: str = ""
    code: str = ""
    """The error, for programs; '' where there is none of its own."""
    data: dict[str, Any] = Field(default={}, repr=False)


class Question(Message):
    """Base of all questions. `kind` names the handler at the edge."""

    kind: str


class KickQuestion(Question):
    """Cut the publisher of a session off; answered when it is gone."""

    kind: Literal["session.kick"] = "session.kick"
    session: Ulid


class SetAsideQuestion(Question):
    """What the node could not tell or store and has set aside, the oldest first; with `retry`, tried again before."""

    kind: Literal["set_aside.look"] = "set_aside.look"
    retry: bool = False
    limit: int = 100


class SetAsideEvent(Message):
    """An event that the cloud, or something before it, refused."""

    seq: int
    id: str
    reason: str


class SetAsideSegment(Message):
    """A segment that could not be stored by itself. Its link stays on the node."""

    session: str
    index: int
    recording: str | None
    bytes: int
    reason: str


class SetAside(Message):
    """The answer. `retried`: how many were begun with again."""

    events: list[SetAsideEvent] = []
    segments: list[SetAsideSegment] = []
    retried: int = 0


class AuthorizeRequest(Message):
    """`POST /edge/v1/authorize`: somebody wants to use a management call that this node serves itself.

    `header` is the caller's whole `Authorization` header, `token` the token of the body or query where there was no
    header.
    """

    version: int = 1
    header: str | None = Field(default=None, repr=False, max_length=8192)
    token: str = Field(default="", repr=False, max_length=8192)


class AuthorizeResponse(Message):
    """Whether the caller is known, by name and scope; `reason` says what is wrong when it is not."""

    allowed: bool
    who: str = ""
    scope: Literal["", "read", "operate", "admin"] = ""
    reason: str = ""
