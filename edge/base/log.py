"""Structured logs: one JSON object a line on stderr, an event name and fields.

Rules for callers: never a secret, never a hook's `param`, never a stream name (it may end in a secret that only the
cloud knows); the session's id says which stream it was.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.wire.masking import masked


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        data: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        data.update(getattr(record, "fields", {}))
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return masked(json.dumps(data, ensure_ascii=False, default=str))


class Log:
    """A named logger whose messages are event names with fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"sluice.{name}")
        self._last: dict[str, float] = {}

    def debug(self, event: str, **fields: Any) -> None:
        """For developers."""
        self._logger.debug(event, extra={"fields": fields})

    def info(self, event: str, **fields: Any) -> None:
        """Something happened as it should."""
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: Any) -> None:
        """Something went wrong and is being dealt with."""
        self._logger.warning(event, extra={"fields": fields})

    def alert(self, event: str, **fields: Any) -> None:
        """Something needs an operator."""
        self._logger.error(event, extra={"fields": fields})

    def exception(self, event: str, **fields: Any) -> None:
        """An error of ours, with its traceback."""
        self._logger.exception(event, extra={"fields": fields})

    def limited(self, event: str, every_s: float = 10.0, **fields: Any) -> None:
        """A warning that the outside can provoke at will: at most one of each event in `every_s`."""
        now = time.monotonic()
        if now - self._last.get(event, -every_s) >= every_s:
            self._last[event] = now
            self.warning(event, **fields)


def setup(level: str) -> None:
    """Send all logs to stderr as JSON lines; libraries only from warnings upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("sluice", "edge"):
        logging.getLogger(name).setLevel(level)
