"""Hooks are hints, the media server's state is truth: what follows from a look at it. Pure.

`actions` is called with the open sessions and one look at a time; what must be remembered between looks goes in and
comes out as `Memory`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edge.spool.session import Session
from edge.srs.api import LiveStream, Look

GRACE_S: Final = 3.0
"""A session younger than this may not be visible yet."""
LOOKS: Final = 2
"""An absence counts when it was seen this often in a row."""
BUSY_LOOKS: Final = 3
DOWN_S: Final = 6.0
STILL_S: Final = 600.0
"""So long a media server may live without a word of its API and without a new segment: a process that hangs keeps its
connections."""
NEVER_LIVE_S: Final = 15.0
"""So long a publish may be admitted without being one. By WHIP `on_publish` precedes the connection, and SRS keeps the
name of an offer that never connects for 30 s (`stun_timeout`); whoever finds a way at all has found it in half of that.
"""


@dataclass(frozen=True, slots=True)
class GoLive:
    """SRS shows the session's client as the publisher."""

    session: str


@dataclass(frozen=True, slots=True)
class End:
    """The session is over."""

    session: str
    reason: str
    cut: bool = False
    """The media server still waits for its client, and is told not to, so that the name is free."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """SRS shows a publisher that no session belongs to: the agent lost its memory of it."""

    stream: LiveStream
    service_id: str


@dataclass(frozen=True, slots=True)
class ServerChanged:
    """The media server came, went, or was restarted."""

    up: bool
    service_id: str


Action = GoLive | End | Adopt | ServerChanged


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier looks showed. Times are monotonic seconds."""

    known: bool = False
    """Whether the state of the server was told before."""
    up: bool = False
    service_id: str = ""
    down_since: float | None = None
    """Since when nothing at all is seen of it."""
    still_since: float | None = None
    """Since when neither its API answers nor a segment is written."""
    silent: int = 0
    """Looks in a row that its API did not answer, while something else showed that it lives."""
    absent: Mapping[str, int] = field(default_factory=dict)
    """Session → looks in a row without its client as publisher."""
    strangers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(stream, cid) → looks in a row in which it belonged to no session."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at one moment."""

    look: Look
    at: float
    """Monotonic seconds."""
    age_s: Mapping[str, float]
    """Session → seconds since it was admitted."""
    signs: frozenset[str] = frozenset()
    """What shows that a media server lives whose API is silent (`edge.srs.signs`)."""
    deciding: bool = False
    """A publish is being decided, so a publisher without a session may be about to get one."""


def actions(sessions: Sequence[Session], seen: Observed, memory: Memory) -> tuple[list[Action], Memory]:
    """What to do about the open sessions after one look."""
    if not seen.look.up:
        return _down(sessions, seen, memory)
    changed = not memory.known or not memory.up or memory.service_id != seen.look.service_id
    todo: list[Action] = [ServerChanged(up=True, service_id=seen.look.service_id)] if changed else []
    absent: dict[str, int] = {}
    for session in sessions:
        action = _judge(session, seen, memory, absent)
        if action is not None:
            todo.append(action)
    strangers, adopt = _strangers(sessions, seen, memory)
    new = Memory(known=True, up=True, service_id=seen.look.service_id, absent=absent, strangers=strangers)
    return [*todo, *adopt], new


def _down(sessions: Sequence[Session], seen: Observed, memory: Memory) -> tuple[list[Action], Memory]:
    """Its API is silent. That alone says nothing about who publishes: a busy machine answers late."""
    still = None if "segments" in seen.signs else memory.still_since if memory.still_since is not None else seen.at
    if seen.signs and (still is None or seen.at - still <= STILL_S):
        new = replace(memory, down_since=None, silent=memory.silent + 1, still_since=still, absent={}, strangers={})
        return [], new
    if seen.signs:
        return _hangs(sessions, memory)
    since = memory.down_since if memory.down_since is not None else seen.at
    todo: list[Action] = []
    gone = seen.at - since > DOWN_S
    if gone:
        todo = [End(s.id, "media_server_down") for s in sessions]
    if gone and (memory.up or not memory.known):
        todo.insert(0, ServerChanged(up=False, service_id=memory.service_id))
    new = Memory(
        known=memory.known or gone,
        up=memory.up and not gone,
        service_id=memory.service_id,
        down_since=since,
        silent=0 if gone else memory.silent,
    )
    return todo, new


def _hangs(sessions: Sequence[Session], memory: Memory) -> tuple[list[Action], Memory]:
    """Its process is there and does nothing: its sessions are over. Should it go on after all, they are reopened."""
    todo: list[Action] = [End(s.id, "media_server_hangs") for s in sessions]
    return todo, replace(memory, silent=memory.silent + 1, absent={}, strangers={})


def _judge(session: Session, seen: Observed, memory: Memory, absent: dict[str, int]) -> Action | None:
    if session.service_id != seen.look.service_id:
        return End(session.id, "media_server_restarted")
    publisher = seen.look.of(session.stream)
    if publisher is not None and publisher.cid == session.client_id:
        return GoLive(session.id) if session.state == "admitted" else None
    absent[session.id] = memory.absent.get(session.id, 0) + 1
    age = seen.age_s.get(session.id, 0.0)
    if session.state == "live":
        return End(session.id, "gone") if absent[session.id] >= LOOKS and age >= GRACE_S else None
    if publisher is not None:
        return End(session.id, "busy") if absent[session.id] >= BUSY_LOOKS and age >= GRACE_S else None
    # What is old may be new to us: before this look there may have been none for long.
    if absent[session.id] < BUSY_LOOKS or age < NEVER_LIVE_S:
        return None
    return End(session.id, "never_live", cut=session.protocol == "webrtc")


def _strangers(
    sessions: Sequence[Session], seen: Observed, memory: Memory
) -> tuple[dict[tuple[str, str], int], list[Action]]:
    clients = {s.client_id for s in sessions}
    found = {
        (s.name, s.cid): memory.strangers.get((s.name, s.cid), 0) + 1
        for s in seen.look.streams.values()
        if s.cid not in clients and not seen.deciding
    }
    # Again at each look until it is adopted: the first try may fail.
    known = [s for s in seen.look.streams.values() if found.get((s.name, s.cid), 0) >= BUSY_LOOKS]
    adopt: list[Action] = [Adopt(s, seen.look.service_id) for s in known]
    return found, adopt
