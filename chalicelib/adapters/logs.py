"""The form of the log's lines."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.wire.masking import masked

SLOW_MS: Final = 1000
_calls = count()


def of_call(context: Any) -> dict[str, Any]:
    """What each line of a call says of it: the request's id, where there is one, and whether this process had to be
    started for it.
    """
    return {"request_id": getattr(context, "aws_request_id", ""), "cold": next(_calls) == 0}


def is_told(context: Any, method: str, route: str, status: int, duration_ms: int) -> bool:
    """Whether a request is worth a line. For a function each is: it says what it took and whether it began cold. A host
    counts all in its metrics, and tells of what changes something, is refused or is slow: a page that is left open
    reads all day, and so do nodes.
    """
    if context is not None or status >= 400 or duration_ms >= SLOW_MS:
        return True
    return method not in ("GET", "HEAD") and not route.startswith("/edge/")


class MaskingFormatter(LambdaPowertoolsFormatter):
    """JSON lines in which whatever looks like a secret is masked, also in what libraries and exceptions say."""

    def format(self, record: Any) -> str:
        """Return the line."""
        return masked(super().format(record))
