"""The one tree of errors. A status code is given to each in one place, `routes/problem_details.py`.

SluiceError
├── InvalidInputError      what was sent is wrong; says which field and why
├── UnauthenticatedError   no or bad credentials
├── ForbiddenError         known, but may not
├── NotFoundError          no such thing
├── ConflictError          somebody else changed it first, or it is in a state that does not allow this
├── ChangedMeanwhileError  what was to be edited is not what the editor saw
│   └── StaleVersionError  the same, where the editor said so in what was sent
├── TooManyTriesError      a password was tried too often; says when to try again
├── ReusedKeyError         an idempotency key was used for another request
├── UnavailableError       a part we need does not answer; worth trying again
│   └── UnreadableItemError  what is stored was written by another version, or is damaged
└── UpstreamError          something outside (a callback target, a platform) refused or failed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


class SluiceError(Exception):
    """Base of all expected errors. The message is shown to the caller: it holds no secret and no input. `code` says the
    same to programs, by default what kind of error it is; `params` is what it names.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, code: str = "", **params: str | int) -> None:
        super().__init__(message)
        self.code = code or self.kind
        self.params = params


class InvalidInputError(SluiceError):
    """What was sent is wrong.

    `field` names the place, `reason` what is wrong and what to do.
    """

    kind = "invalid_input"

    def __init__(self, field: str, reason: str, *, code: str = "", **params: str | int) -> None:
        super().__init__(f"{field}: {reason}" if field else reason, code=code, **params)
        self.field = field
        self.reason = reason


def bad_cursor() -> InvalidInputError:
    """What a cursor of another listing, or of nobody, gets."""
    return InvalidInputError(
        "cursor", "is not one that this API gave out; start again without it", code="cursor_unknown"
    )


def require_within(field: str, value: int | None, least: int, most: int, unit: str) -> None:
    """Whether a number that may be left out is one of these. `unit`: what it counts, as `seconds`.

    Raises:
        InvalidInputError: it is not.
    """
    if value is not None and not least <= value <= most:
        raise InvalidInputError(field, f"must be {least} to {most} {unit}", code="out_of_range", least=least, most=most)


class UnauthenticatedError(SluiceError):
    """No or bad credentials."""

    kind = "unauthenticated"


class ForbiddenError(SluiceError):
    """The caller is known and may not do this."""

    kind = "forbidden"


class NotFoundError(SluiceError):
    """There is no such thing."""

    kind = "not_found"


class ConflictError(SluiceError):
    """Somebody else changed it first, or its state does not allow this."""

    kind = "conflict"


class ChangedMeanwhileError(SluiceError):
    """What was to be edited is not what the editor saw. `etag` names what is there now, `current` shows it, `differs`
    names the fields in which it is not what was sent.
    """

    kind = "changed_meanwhile"

    def __init__(self, etag: str, current: object = None, differs: Sequence[str] = ()) -> None:
        super().__init__("it was changed by somebody else in the meantime; read it again and repeat your change")
        self.etag = etag
        self.current = current
        self.differs = list(differs)


class StaleVersionError(ChangedMeanwhileError):
    """What was to be edited is not the version that was sent."""


class TooManyTriesError(SluiceError):
    """A password was tried too often from there. `retry_s`: in so many seconds it may be tried again."""

    kind = "too_many_tries"

    def __init__(self, retry_s: int) -> None:
        super().__init__(f"too many tries; try again in {retry_s} seconds", retry_s=retry_s)
        self.retry_s = retry_s


class ReusedKeyError(SluiceError):
    """An idempotency key was used for another request."""

    kind = "key_reused"


class UnavailableError(SluiceError):
    """A part we need does not answer; trying again may help."""

    kind = "unavailable"


class UnreadableItemError(UnavailableError):
    """What is stored can't be read by this version: a newer one wrote it, or it is damaged. It stays as it is."""

    kind = "stored_item_unreadable"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"what is stored as {kind} cannot be read by this version of the program; install the newer one again, or "
            "restore a backup",
            item=kind,
        )


class UpstreamError(SluiceError):
    """Something outside refused or failed."""

    kind = "upstream_failed"


class BadMediaError(UpstreamError):
    """FFmpeg ran, and did not take what it was given."""

    kind = "bad_media"


@dataclass(frozen=True, slots=True)
class Why:
    """Why something failed, as it is kept and shown: in words, and the same for programs."""

    words: str
    code: str
    params: dict[str, str | int] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, object]:
        """The fields of an entity that say so."""
        return {"error": self.words, "error_code": self.code, "error_params": self.params}


NOTHING_WRONG = Why("", "")


def why(error: Exception) -> Why:
    """Why something failed: what we say ourselves or the system does; of anything else the message may hold what is
    nobody's business, and its kind is told.
    """
    if isinstance(error, SluiceError):
        return Why(str(error), error.code, error.params)
    if isinstance(error, OSError) and error.strerror:
        return Why(f"this machine: {error.strerror}", "machine_failed", {"error": error.strerror})
    kind = type(error).__name__
    return Why(f"a fault in the program: {kind}", "program_failed", {"kind": kind})
