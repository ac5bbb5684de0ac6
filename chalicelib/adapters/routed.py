"""`Objects` over several stores: each recording knows the ones that hold it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from chalicelib.domain.errors import NotFoundError
from chalicelib.ports.objects import Objects, StoredObject
from chalicelib.wire.recording import recording_of_key

T = TypeVar("T")
StoresOf = Callable[[str], Sequence[Objects]]
"""Takes a recording's id; gives the stores that hold it, the oldest first, at least one."""
Sign = Callable[[str, int, str | None], str]


class RoutedObjects:
    """What is written goes to the newest store of its recording; what is read is looked for there first. `sign` makes
    links, which are the same wherever an object lies.
    """

    def __init__(self, stores_of: StoresOf, sign: Sign) -> None:
        self._stores_of = stores_of
        self._sign = sign

    def _of(self, key: str) -> Sequence[Objects]:
        return self._stores_of(recording_of_key(key))

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `Objects`. What lies in two stores is listed once, as the newer one has it."""
        listings: list[Iterable[StoredObject]] = [store.list(prefix, after) for store in reversed(self._of(prefix))]
        before = ""
        # Of equal keys `merge` gives the one of the first listing first.
        for found in heapq.merge(*listings, key=lambda o: o.key):
            if found.key != before:
                yield found
            before = found.key

    def _first(self, key: str, ask: Callable[[Objects], T]) -> T:
        """What the first store answers that has the object."""
        *others, oldest = reversed(self._of(key))
        for store in others:
            try:
                return ask(store)
            except NotFoundError:
                continue
        return ask(oldest)

    def read(self, key: str) -> bytes:
        """See `Objects`."""
        return self._first(key, lambda store: store.read(key))

    def download(self, key: str, path: Path) -> str:
        """See `Objects`."""
        return self._first(key, lambda store: store.download(key, path))

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """See `Objects`."""
        self._of(key)[-1].write(key, body, content_type)

    def upload(self, key: str, path: Path, content_type: str) -> None:
        """See `Objects`."""
        self._of(key)[-1].upload(key, path, content_type)

    def delete_prefix(self, prefix: str) -> int:
        """See `Objects`. In the stores that can't be reached now, it fails, and can be done again."""
        return sum(store.delete_prefix(prefix) for store in self._of(prefix))

    def given_out(self, key: str) -> bool:
        """See `Objects`. The front fetches what lies in a bucket."""
        return True

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """See `Objects`. The front serves it to whoever has the token, by any of both methods."""
        return self._sign(key, expires_s, filename)
