"""ETags (RFC 9110): the version of what is edited, in quotes. Whoever is too late is told what is there instead."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from chalicelib.domain.errors import ChangedMeanwhileError, StaleVersionError


def etag(shown: BaseModel) -> str:
    """The ETag of something with a version."""
    return f'"{shown.version}"'  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Found:
    """What is there, as the caller may see it, beside what the caller sent."""

    shown: BaseModel
    sent: BaseModel

    def differing(self) -> list[str]:
        """The fields that were sent and are something else now. A secret that is not shown counts as something else."""
        now = self.shown.model_dump(mode="json")
        sent = self.sent.model_dump(mode="json", include=self.sent.model_fields_set, exclude={"version"})
        return [name for name, value in sent.items() if name not in now or now[name] != value]

    def stale(self, kind: type[ChangedMeanwhileError]) -> ChangedMeanwhileError:
        """The error that says all this."""
        return kind(etag(self.shown), self.shown.model_dump(mode="json"), self.differing())


def match(wanted: str, found: Found) -> int | None:
    """The version to insist on after an `If-Match` header, None for `*`.

    Raises:
        ChangedMeanwhileError: something else is there.
    """
    if wanted.strip() == "*":
        return None
    if etag(found.shown) not in [tag.strip() for tag in wanted.split(",")]:
        raise found.stale(ChangedMeanwhileError)
    return int(found.shown.version)  # type: ignore[attr-defined]


def same(version: int | None, found: Found) -> int | None:
    """The version to insist on after a `version` in the body.

    Raises:
        StaleVersionError: something else is there.
    """
    if version is not None and version != found.shown.version:  # type: ignore[attr-defined]
        raise found.stale(StaleVersionError)
    return version
