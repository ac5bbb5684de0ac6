"""What a node says of itself, cut into parts that change at a pace of their own, so that a sync writes little."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from chalicelib.wire.edge.observed import ObservedNode

FACTS: Final = "facts"
"""Versions, ports, certificates, what is wrong."""
_LISTS: Final = ("sessions", "pushes", "sources")
_NUMBERS: Final = (
    "pending_events",
    "pending_segments",
    "oldest_pending_s",
    "quarantined_events",
    "quarantined_segments",
    "disk_free_bytes",
    "machine",
)
"""Another at every look, and small: they go with the heartbeat."""
IN_A_PART: Final = 200
"""So many sessions, pushes and sources each lie in one part: some 20 KB, compressed."""
Body = dict[str, Any]


def numbers_of(observed: ObservedNode) -> Body:
    """What is another at every look; what says nothing is left out."""
    return observed.model_dump(mode="json", include=set(_NUMBERS), exclude_defaults=True)


def parts_of(observed: ObservedNode) -> dict[str, Body]:
    """The rest, by the names of its parts."""
    facts = observed.model_dump(mode="json", exclude={*_NUMBERS, *_LISTS}, exclude_defaults=True)
    return {FACTS: facts} | dict(_cut(observed))


def _cut(observed: ObservedNode) -> Iterable[tuple[str, Body]]:
    lists = {of: [e.model_dump(mode="json", exclude_defaults=True) for e in getattr(observed, of)] for of in _LISTS}
    for start in range(0, max(map(len, lists.values())), IN_A_PART):
        part = {of: entries[start : start + IN_A_PART] for of, entries in lists.items() if entries[start:]}
        yield f"live-{start // IN_A_PART:03d}", part


def digest(body: Body) -> str:
    """A name for what a part says: the same has the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]


def whole(numbers: Body, parts: Mapping[str, Body]) -> ObservedNode:
    """What the node said, of its parts."""
    found: Body = dict(numbers) | parts.get(FACTS, {})
    for of in _LISTS:
        found[of] = [entry for name in sorted(parts) for entry in parts[name].get(of, [])]
    return ObservedNode.model_validate(found)
