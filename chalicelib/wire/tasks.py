"""Tasks of ECS: what they are told of their origin, and the event of their end (ECS documentation, 'Task state change
events').
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class EndedTask:
    """A task that has ended: its recording, the hold by which it had it, and why, in ECS's words."""

    recording: str
    hold: str
    reason: str


def started_by(recording: str, hold: str) -> str:
    """What a task says of its origin: at most 128 letters, digits, `-`, `_` and `/`."""
    return f"{recording}/{hold}"


def ended_task(detail: Mapping[str, Any]) -> EndedTask | None:
    """The task whose end an event tells of; None: it is none of ours."""
    recording, _, hold = str(detail.get("startedBy") or "").partition("/")
    return EndedTask(recording, hold, _reason(detail)) if recording and hold else None


def _reason(detail: Mapping[str, Any]) -> str:
    containers = detail.get("containers") or [{}]
    said = containers[0].get("reason") or detail.get("stoppedReason") or "it ended without a word"
    status = containers[0].get("exitCode")
    return f"{said}{'' if status is None else f' (status {status})'}"[:_LONGEST_REASON]
