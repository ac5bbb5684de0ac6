"""What every node is told alike."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from chalicelib.domain.model.base import Entity
from chalicelib.wire.secrets import AcceptedSecret


class FleetState(Entity):
    """With what nodes decide while the cloud does not answer, and what of the settings goes into every sync: made when
    one of them changes, so that a sync reads one item, however many rooms there are.
    """

    revision: str
    """The same state has the same."""
    key: str = Field(repr=False)
    """Hex; with what the accepted secrets are hashed."""
    accepted: list[AcceptedSecret] = []
    """While they are few; else they are in `file`."""
    file: str = ""
    before: str = ""
    """The file of the state before: a node may be reading it."""
    rooms: int = 0
    auth: bool = True
    callback: Literal["none", "allow", "deny"] = "none"
    play_auth: bool = False
    play_generation: int = 0
    merge_window_s: int = 30
    made_at: datetime
    settled: bool = False
    """Whether it was looked at again since: what it is made of may lag behind by a moment."""
