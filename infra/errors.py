"""The one error that deployment and the launcher raise for what the user can mend."""

from __future__ import annotations


class InfraError(Exception):
    """Something is missing or in the way. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
