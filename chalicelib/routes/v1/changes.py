"""`/v1/changes`: that something has changed, for who shows it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from chalicelib.domain.changes import Subject
from chalicelib.wiring.services import wiring

from ..views import View
from .base import Call, Query, operation

MAX_WAIT_S: Final = 25


class ChangesWanted(Query):
    """From when on."""

    since: str = Field(default="", max_length=40, description="`cursor` of the answer before; none: to begin.")
    wait_s: int = Field(
        default=MAX_WAIT_S,
        ge=0,
        le=MAX_WAIT_S,
        description="While nothing has changed, the answer is held so many seconds at most, where `held` says so.",
    )


class ChangesShown(View):
    """What has changed."""

    cursor: str = Field(description="For the next call.", examples=["3f2a91c0-1742"])
    subjects: list[Subject] = Field(
        description="Parts of the API that are not as they were: ask for them again. Nothing of what changed.",
        examples=[["destinations", "audit"]],
    )
    held: bool = Field(
        description="Whether this installation holds a call until there is something. Where it does not, it can't tell "
        "either, and names every subject."
    )


@operation("GET", "/v1/changes", scope="read", own=True)
def list_changes(call: Call[ChangesWanted]) -> ChangesShown:
    """Which parts of the API have changed since a cursor. On one machine the answer is held until something has, 25
    seconds at most; on AWS, where that would cost, it comes at once.
    """
    found = wiring.changes.since(call.sent.since)
    return ChangesShown(cursor=found.cursor, subjects=sorted(found.subjects), held=found.held)
