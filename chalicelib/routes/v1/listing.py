"""Listings that are sorted and searched: read whole, chosen from, and given out in parts.

For what there are at most some thousands of. A cursor names the last item that was given out, by what it is sorted by,
so that a listing goes on in the right place when that very item is gone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from chalicelib.domain.errors import bad_cursor
from chalicelib.ports.store import Page

T = TypeVar("T")
Key = tuple[str | int | float, str]
"""What an item is sorted by, and its id."""


def found_in(search: str, *texts: str | None) -> bool:
    """Whether every word of a search is in one of the texts; letters large or small are the same."""
    hay = "\n".join(text for text in texts if text).casefold()
    return all(word in hay for word in search.casefold().split())


def part(items: Iterable[T], key: Callable[[T], Key], limit: int, cursor: str | None, *, down: bool = False) -> Page[T]:
    """The next `limit` items by their keys, the largest first with `down`.

    Raises:
        InvalidInputError: the cursor is not one of this listing.
    """
    ordered = sorted(items, key=key, reverse=down)
    after = _read(cursor) if cursor else None
    if after is not None:
        ordered = _behind(ordered, key, after, down)
    return Page(ordered[:limit], _cursor(key(ordered[limit - 1])) if len(ordered) > limit else None)


def _behind(ordered: Sequence[T], key: Callable[[T], Key], after: Key, down: bool) -> list[T]:
    try:
        return [item for item in ordered if (key(item) < after if down else key(item) > after)]
    except TypeError:
        raise bad_cursor() from None  # a cursor of the same listing in another order


def _cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _read(cursor: str) -> Key:
    try:
        sent = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise bad_cursor() from None
    value, name = sent if isinstance(sent, list) and len(sent) == 2 else (None, None)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not isinstance(name, str):
        raise bad_cursor()
    return value, name
