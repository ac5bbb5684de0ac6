"""The form of the log's lines."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chalicelib.wire.masking import masked


class MaskingFormatter(LambdaPowertoolsFormatter):
    """JSON lines in which whatever looks like a secret is masked, also in what libraries and exceptions say."""

    def format(self, record: Any) -> str:
        """Return the line."""
        return masked(super().format(record))
