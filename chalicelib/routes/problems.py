"""Answers of Chalice's routes: errors as problem details, bodies as clients read them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from chalice import Response

from .problem_details import of


def answering(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view with every error answered; see `problem_details.of`."""

    @functools.wraps(view)
    def answer(**arguments: str) -> Any:
        try:
            return view(**arguments)
        except Exception as error:
            problem = of(error)
            return Response(problem.body, status_code=problem.status, headers=problem.headers)

    return answer


class Sent(Response):  # type: ignore[misc] # Chalice has no types
    """A response as it goes out: text as text for every client, base64 only where the body is bytes. The gateway counts
    every type as binary, so that bodies of requests come in unchanged; by the same list Chalice would encode every
    answer, and a client that sends no `Accept` would get it so.
    """

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """The response in the form that the gateway takes."""
        is_binary = isinstance(self.body, bytes)
        sent = super().to_dict(binary_types if is_binary else None)
        return sent | {"isBase64Encoded": is_binary}


def as_sent(response: Response) -> Sent:
    """The response with its body as text, or as bytes where its type is no text."""
    body, headers = response.body, dict(response.headers)
    if not isinstance(body, bytes | str):
        body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        headers.setdefault("Content-Type", "application/json")
    kind = next((str(v) for k, v in headers.items() if k.lower() == "content-type"), "")
    if isinstance(body, bytes) and is_text(kind):
        body = body.decode()
    return Sent(body, headers, response.status_code)


def is_text(content_type: str) -> bool:
    """Whether a body of this type is text. No type: an empty body, or a redirect."""
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "mpegurl"))
