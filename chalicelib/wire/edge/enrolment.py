"""A node's first call."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from chalicelib.wire.base import Message

WIRE_VERSION: Final = 1


class EnrollRequest(Message):
    """`POST /edge/v1/enroll`, without a node token. The same nonce gives the same node again, with a new token."""

    version: int = WIRE_VERSION
    join_token: str = Field(repr=False, min_length=16, max_length=200)
    nonce: str = Field(pattern=r"^[0-9a-f]{32,64}$", repr=False)
    name: str = Field(min_length=1, max_length=100)
    agent_version: str = Field(max_length=40)


class EnrollResponse(Message):
    """The node's identity; the token is shown this once."""

    node: str
    token: str = Field(repr=False)
