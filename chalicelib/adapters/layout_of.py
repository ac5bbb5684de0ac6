"""What is said of each kind of entity that lies in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

KEPT_ANSWER_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of entity lies in the table.

    `key` and `partition` take the parts of a key as the services name them; `key_of` takes them from an entity.
    `index` gives (name, sort key) or None when it is in no index; `expires` a time of removal; `secret` names the
    attributes that are encrypted, `packed` that they are compressed before.
    """

    tag: str
    key: Callable[..., tuple[str, str]]
    key_of: Callable[[Any], tuple[str, ...]]
    partition: Callable[..., tuple[str, str]] | None = None
    index: Callable[[Any], tuple[str, str] | None] = lambda _: None
    expires: Callable[[Any], datetime | None] = lambda _: None
    secret: tuple[str, ...] = ()
    packed: bool = False
