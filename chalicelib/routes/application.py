"""The Chalice application, fit for requests side by side."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from chalice import Chalice

_request: ContextVar[Any] = ContextVar("request", default=None)


class Application(Chalice):  # type: ignore[misc] # Chalice has no types
    """Chalice keeps the current request on the application, where threads would mix them up: here each context has its
    own. A function handles one request at a time, the host of a standalone installation many.
    """

    @property
    def current_request(self) -> Any:
        """The request that is being answered."""
        return _request.get()

    @current_request.setter
    def current_request(self, request: Any) -> None:
        _request.set(request)
