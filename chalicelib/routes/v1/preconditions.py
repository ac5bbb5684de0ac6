"""ETags (RFC 9110): the version of what is edited, in quotes."""

from __future__ import annotations

from pydantic import BaseModel

from chalicelib.domain.errors import ChangedMeanwhileError


def etag(shown: BaseModel) -> str:
    """The ETag of something with a version."""
    return f'"{shown.version}"'  # type: ignore[attr-defined]


def match(wanted: str, current: BaseModel) -> int | None:
    """The version to insist on after an `If-Match` header, None for `*`.

    Raises:
        ChangedMeanwhileError: something else is there.
    """
    if wanted.strip() == "*":
        return None
    now = etag(current)
    if now not in [tag.strip() for tag in wanted.split(",")]:
        raise ChangedMeanwhileError(now, current.model_dump(mode="json"))
    return int(current.version)  # type: ignore[attr-defined]
