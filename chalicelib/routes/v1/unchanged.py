"""Listings that are as the caller has them: a weak ETag of the body, and 304 for who shows it (RFC 9110, 13.1.2)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final, get_args

from chalice import Response
from pydantic import BaseModel

from ..views import Items, Page, is_shown_secret

_KEPT: Final = "private, no-cache"
"""Kept by the caller alone, who asks each time whether it still holds."""
_NOT_KEPT: Final = "no-store"


def is_listing(answers: type[BaseModel] | None) -> bool:
    """Whether an operation answers with a list of things."""
    return answers is not None and issubclass(answers, (Page, Items))


def listing(answers: type[BaseModel], body: str, headers: dict[str, str], shown: str | None) -> Response:
    """A listing as it goes out; `shown`: the `If-None-Match` of the caller. What holds a secret is not to be kept."""
    tag = f'W/"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = headers | {"ETag": tag, "Cache-Control": _NOT_KEPT if shows_secret(answers) else _KEPT}
    if shown is not None and matches(shown, tag):
        return Response("", status_code=304, headers=headers)
    return Response(body, headers=headers)


def matches(shown: str, tag: str) -> bool:
    """Whether one of the tags in an `If-None-Match` is this one, by the weak comparison."""
    wanted = [part.strip().removeprefix("W/") for part in shown.split(",")]
    return shown.strip() == "*" or tag.removeprefix("W/") in wanted


@lru_cache
def shows_secret(model: type[BaseModel]) -> bool:
    """Whether a field of a model, or of what is in it, shows a secret."""
    fields = model.model_fields
    return any(
        is_shown_secret(model, name) or any(map(shows_secret, _models(f.annotation))) for name, f in fields.items()
    )


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]
