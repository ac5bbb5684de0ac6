"""What the host tells of itself: `/metrics` for Prometheus, `/healthz` for the launcher."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chalicelib.wiring.local import LocalAdapters

from .asgi import Receive, Scope, Send, send_whole
from .events import Outgoing
from .pools import Pools

if TYPE_CHECKING:
    from .polls import Polls
    from .service import Host

SILENT_S: Final = 120.0
"""A loop that has not taken a step for so long hangs. The one that finishes recordings may be at work for longer."""
_COUNTS: Final = """
SELECT (SELECT COUNT(*) FROM changes WHERE dead = 0), (SELECT MIN(at) FROM changes WHERE dead = 0),
       (SELECT COUNT(*) FROM messages WHERE dead = 0), (SELECT MIN(due) FROM messages WHERE dead = 0),
       (SELECT COUNT(*) FROM changes WHERE dead = 1) + (SELECT COUNT(*) FROM messages WHERE dead = 1)
"""


class Metrics:
    """Answers both; holds no name of a stream and no secret."""

    def __init__(self, host: Host, adapters: LocalAdapters, pools: Pools, waiting: Polls) -> None:
        self._host, self._adapters, self._pools, self._waiting = host, adapters, pools, waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        body = "".join(f"{line}\n" for line in self._lines()).encode()
        headers = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        await send_whole(send, Outgoing(200, headers, body))

    async def health(self, scope: Scope, receive: Receive, send: Send) -> None:
        """200 while every loop takes its steps, else 503 with those that don't."""
        silent = [name for name, age, _ in self._beats() if age > SILENT_S and not name.startswith("finish")]
        body = json.dumps({"ok": not silent, "silent": silent}).encode()
        await send_whole(send, Outgoing(503 if silent else 200, [("content-type", "application/json")], body))

    def _beats(self) -> Iterator[tuple[str, float, int]]:
        now = time.monotonic()
        return ((loop.name, now - loop.beat, loop.failures) for loop in self._host.loops)

    def _lines(self) -> Iterator[str]:
        now = time.time()
        changes, oldest, messages, due, dead = self._adapters.database.read(_counts)
        yield from _gauge("sluice_outbox_changes", "Changes whose consequences are still to come", changes)
        yield from _gauge("sluice_outbox_age_seconds", "Age of the oldest of them", max(now - (oldest or now), 0))
        yield from _gauge("sluice_queue_messages", "Messages in the queues", messages)
        yield from _gauge("sluice_queue_late_seconds", "How late the oldest of them is", max(now - (due or now), 0))
        yield from _gauge("sluice_dead_letters", "What was given up and waits for somebody", dead)
        yield from _gauge("sluice_database_bytes", "Size of the database", _bytes(self._adapters.database.path))
        yield from self._replication()
        yield from _gauge("sluice_nodes_waiting", "Nodes that hold a long poll", self._waiting.open)
        yield from _gauge("sluice_changes_waiting", "Calls that are held until something changes", self._host.feed.open)
        yield from _labelled("sluice_loop_age_seconds", "Since the loop's last step", "loop", self._ages())
        yield from _labelled("sluice_loop_failures", "Failures of the loop in a row", "loop", self._failures())
        yield from _labelled("sluice_requests_busy", "Requests in progress", "share", self._pools.busy)
        yield "# HELP sluice_requests_total Answers by share and class of status"
        yield "# TYPE sluice_requests_total counter"
        for (share, kind), number in self._host.web.answered.items():
            yield f'sluice_requests_total{{share="{share}",status="{kind}xx"}} {number}'

    def _replication(self) -> Iterator[str]:
        found = self._adapters.upkeep.look().replication
        if found is None:
            return
        lag = float("nan") if found.lag_s is None else round(found.lag_s, 1)
        yield from _gauge("sluice_replication_lag_seconds", "How old the copy of the database elsewhere may be", lag)
        yield from _gauge("sluice_replication_ok", "1 while the copy keeps up", int(found.state == "ok"))

    def _ages(self) -> dict[str, float]:
        return {name: round(age, 1) for name, age, _ in self._beats()}

    def _failures(self) -> dict[str, int]:
        return {name: failures for name, _, failures in self._beats()}


def _counts(db: sqlite3.Connection) -> tuple[Any, ...]:
    found: tuple[Any, ...] = db.execute(_COUNTS).fetchone()
    return found


def _gauge(name: str, text: str, value: float) -> Iterator[str]:
    yield from (f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value}")


def _labelled(name: str, text: str, label: str, values: Any) -> Iterator[str]:
    yield from (f"# HELP {name} {text}", f"# TYPE {name} gauge")
    for key, value in values.items():
        yield f'{name}{{{label}="{key}"}} {value}'


def _bytes(path: Path) -> int:
    """The database with what was committed and is not in its main file yet."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if not file.name.endswith("-shm"))
