"""A sender that is made when something is first sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from chalicelib.ports.sending import Answer, Sender


class LaterSender:
    """`Sender`, by way of what `make` makes: its library takes 5 MB, which whoever sends nothing does without."""

    def __init__(self, make: Callable[[], Sender]) -> None:
        self._make = make

    @cached_property
    def _sender(self) -> Sender:
        return self._make()

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        """See `Sender`."""
        return self._sender.post(url, body, headers, timeout_s, verify_tls=verify_tls)

    def get(self, url: str, timeout_s: float) -> Answer:
        """See `Sender`."""
        return self._sender.get(url, timeout_s)
