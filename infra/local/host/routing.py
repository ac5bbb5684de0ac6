"""Finds the route of a path, as API Gateway does before it calls the application. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_MOST_PARTS = 32


@dataclass
class _Place:
    """A part of a path. A name goes before a parameter."""

    names: dict[str, _Place] = field(default_factory=dict)
    parameter: _Place | None = None
    called: str = ""
    pattern: str = ""


class Routes:
    """The patterns of an application, such as `/v1/rooms/{room}`. A place of a path has one name, as at API Gateway."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._root = _Place()
        for pattern in patterns:
            self._add(pattern)

    def _add(self, pattern: str) -> None:
        place = self._root
        for part in pattern.strip("/").split("/"):
            if part.startswith("{"):
                place.parameter = place.parameter or _Place(called=part.strip("{}"))
                place = place.parameter
            else:
                place = place.names.setdefault(part, _Place())
        place.pattern = pattern

    def find(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The pattern of a path and its parameters, still encoded; None: no route has it. A closing slash makes no
        difference, an empty part matches nothing.
        """
        parts = path.removeprefix("/").removesuffix("/").split("/")
        if len(parts) > _MOST_PARTS:
            return None
        return _match(self._root, parts, {})


def _match(place: _Place, parts: list[str], found: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    if not parts:
        return (place.pattern, found) if place.pattern else None
    first, rest = parts[0], parts[1:]
    if first in place.names and (whole := _match(place.names[first], rest, found)):
        return whole
    if place.parameter is not None and first:
        return _match(place.parameter, rest, found | {place.parameter.called: first})
    return None
