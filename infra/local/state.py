"""Mends the saved state of the embedded cloud before it is loaded."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

_PORT = "sluice-port"


def replace_file(path: Path, text: str) -> None:
    """Replace `path` at once: a reader sees the old or the new, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def forget_stream_positions(state: Path) -> None:
    """Make the handlers of table streams begin at the beginning.

    ministack saves how far each handler has read, but not the records; after a restart the handlers would wait for
    record numbers that never come.
    """
    path = state / "lambda.json"
    if not path.exists():
        return
    saved = json.loads(path.read_text())
    positions = saved.get("payload", {}).get("dynamodb_stream_positions", {}).get("data", {})
    for key in positions:
        positions[key] = 0
    replace_file(path, json.dumps(saved))


def move_to_port(state: Path, port: int) -> None:
    """Let a gateway on another port find what it had: queues are saved under addresses with the port of then."""
    record = state / _PORT
    before = record.read_text() if record.exists() else ""
    if before and before != str(port):
        for path in state.glob("*.json"):
            text = path.read_text()
            moved = re.sub(rf"http://127\.0\.0\.1:{before}(?!\d)", f"http://127.0.0.1:{port}", text)
            if moved != text:
                replace_file(path, moved)
    # Last, so that a start that was cut short does it again: what is moved already stays as it is.
    replace_file(record, str(port))
