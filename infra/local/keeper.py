"""Keeps what ministack only holds in memory: its state, the sessions of edges, and the functions' logs.

Every round writes the state of the busy services when it has changed. The rest changes with a deployment alone: it is
written when the stacks have changed, and once a minute. Nothing here is asked for by the product; without it, a
`kill -9` of the embedded cloud would lose every change since its last clean stop.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.state import replace_file

_log = logging.getLogger("keeper")

_ROUND_S = 2.0
_FULL_ROUND_S = 60.0
# A message is in SQS or the table and is lost with it; the stacks say whether there was a deployment.
_BUSY = frozenset({"dynamodb", "sqs", "secretsmanager"})
_STACKS = "cloudformation"
_LOGS = "cloudwatch_logs"
_SESSIONS = "sluice-sessions.json"
_ATTEMPTS = 20
_LOG_SETTLED_MS = 2000
_LOG_BYTES = 20_000_000


def restore_sessions(state: Path) -> None:
    """Give back the temporary credentials that were handed out: edges go on uploading over a restart."""
    from ministack.services import sts  # type: ignore[import-untyped]

    with contextlib.suppress(FileNotFoundError, ValueError):
        sts._sessions.update(json.loads((state / _SESSIONS).read_text()))


class Keeper:
    """A thread that saves and trims until `finish` is called."""

    def __init__(self, state: Path, function_log: Path) -> None:
        self._state = state
        self._function_log = function_log
        self._saved: dict[str, str] = {}
        self._last_full = 0.0
        self._lock = threading.Lock()
        self._started = False
        self._finished = False
        state.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin, once the saved state is loaded; the thread ends with the process."""
        self._started = True
        self._last_full = time.monotonic()
        threading.Thread(target=self._run, name="keeper", daemon=True).start()

    def finish(self) -> None:
        """The last save, at a clean stop."""
        with self._lock:
            self._finished = True
            if not self._started:
                return
            self._move_logs(settled_ms=0)
            self._save_all()

    def _run(self) -> None:
        while not self._finished:
            began = time.monotonic()
            try:
                self._round()
            except Exception:
                _log.exception("a save failed; the next one follows")
            # A big table takes long to save: leave the functions at least as much time as the save took.
            took = time.monotonic() - began
            time.sleep(max(_ROUND_S - took, min(took, _ROUND_S)))

    def _round(self) -> None:
        with self._lock:
            if self._finished:
                return
            self._move_logs(settled_ms=_LOG_SETTLED_MS)
            for name in sorted(_BUSY):
                self._save(name)
            deployed = self._save(_STACKS)
            if deployed or time.monotonic() - self._last_full > _FULL_ROUND_S:
                self._save_all()
            self._save_sessions()

    def _save_all(self) -> None:
        for name in self._states():
            self._save(name)
        self._save_sessions()
        self._last_full = time.monotonic()

    @staticmethod
    def _states() -> dict[str, Callable[[], Any]]:
        from ministack import app  # type: ignore[import-untyped]

        states: dict[str, Callable[[], Any]] = app._build_persistence_save_dict()
        states.pop(_LOGS, None)
        return states

    def _save(self, name: str) -> bool:
        """Write one service's state if it differs from what was written last; true when it did."""
        read = self._states().get(name)
        state = read and _steady(read)
        if state is None:
            return False
        from ministack.core import persistence  # type: ignore[import-untyped]

        wrapped = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
        return self._write_changed(f"{name}.json", json.dumps(wrapped, default=persistence._json_default))

    def _save_sessions(self) -> None:
        from ministack.services import sts

        sessions = _steady(lambda: dict(sts._sessions))
        with contextlib.suppress(TypeError):
            self._write_changed(_SESSIONS, json.dumps(sessions))

    def _write_changed(self, name: str, text: str) -> bool:
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._saved.get(name) == digest:
            return False
        replace_file(self._state / name, text)
        self._saved[name] = digest
        return True

    def _move_logs(self, settled_ms: int) -> None:
        """Move what functions logged from memory, where it would stay for ever, into a file."""
        from ministack.services import cloudwatch_logs

        taken = _take_log_lines(cloudwatch_logs._log_groups._data, time.time() * 1000 - settled_ms)
        lines = [line for _, line in sorted(taken, key=lambda timed: timed[0])]
        if not lines:
            return
        if self._function_log.exists() and self._function_log.stat().st_size > _LOG_BYTES:
            self._function_log.replace(self._function_log.with_name(self._function_log.name + ".1"))
        with self._function_log.open("a") as file:
            file.writelines(lines)


def _steady(read: Callable[[], Any]) -> Any:
    """Call `read` until no writer disturbs it: it copies dictionaries that requests change meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            return read()
        except RuntimeError:
            time.sleep(0.01 * attempt)
    return read()


def _take_log_lines(groups: dict[Any, dict[str, Any]], before_ms: float) -> Iterator[tuple[float, str]]:
    """Take the streams that began before `before_ms` out of `groups`. A stream is one invocation, written at once."""
    for key, group in list(groups.items()):
        streams = group["streams"]
        function = str(key[-1]).rsplit("/", 1)[-1]
        for name in [name for name, stream in list(streams.items()) if stream["creationTime"] <= before_ms]:
            for event in streams.pop(name)["events"]:
                when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
                if not event["message"].startswith(("START RequestId", "END RequestId", "REPORT RequestId")):
                    yield event["timestamp"], f"{when} {function} {event['message']}\n"
