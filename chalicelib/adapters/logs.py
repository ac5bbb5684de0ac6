"""The form of the log's lines."""

from __future__ import annotations

from itertools import count
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.wire.masking import masked

_calls = count()


def of_call(context: Any) -> dict[str, Any]:
    """What each line of a call says of it: the request's id, where there is one, and whether this process had to be
    started for it.
    """
    return {"request_id": getattr(context, "aws_request_id", ""), "cold": next(_calls) == 0}


class MaskingFormatter(LambdaPowertoolsFormatter):
    """JSON lines in which whatever looks like a secret is masked, also in what libraries and exceptions say."""

    def format(self, record: Any) -> str:
        """Return the line."""
        return masked(super().format(record))
