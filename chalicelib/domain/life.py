"""The life of a session on one axis of time: what went on from when to when, and what happened at a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.sessions import Session

Lane = Literal["publish", "push", "recording", "callback", "refusal"]
_SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True)
class Item:
    """Something that went on, or happened: then `until` is `at`. `until` None: it goes on. `name`: of what there may be
    several. `text`: in words, what `code` with its `params` says to programs.
    """

    lane: Lane
    at: datetime
    until: datetime | None
    state: str
    name: str = ""
    code: str = ""
    text: str = ""
    params: dict[str, str] = field(default_factory=dict)


def life_of(
    session: Session, oldest_first: Iterable[LedgerEvent], deliveries: Iterable[Delivery], names: Mapping[str, str]
) -> list[Item]:
    """What is known of a session, in the order in which it began. `names`: those of destinations, by id."""
    events = list(oldest_first)
    items = _publish(session) + _pushes(session, events, names) + _recordings(session, events)
    items += [_refusal(e) for e in events if e.kind == "publish.refused"]
    items += [_callback(d) for d in deliveries]
    return sorted(items, key=lambda i: (i.at, i.lane, i.name))


def _publish(s: Session) -> list[Item]:
    ended = s.ended_at
    if s.live_at is None:
        return [Item("publish", s.admitted_at, ended, s.state, code=s.reason, text=s.reason)]
    return [
        Item("publish", s.admitted_at, s.live_at, "admitted"),
        Item("publish", s.live_at, ended, "live", code=s.reason, text=s.reason),
    ]


def _pushes(s: Session, events: list[LedgerEvent], names: Mapping[str, str]) -> list[Item]:
    """Each state of each destination from its beginning to that of the next one."""
    done: list[Item] = []
    going: dict[str, Item] = {}
    for e in events:
        if e.kind != "push.state" or e.session != s.id:
            continue
        who, state = str(e.data.get("destination")), _state_of(e.data)
        before = going.get(who)
        if before is not None and (before.state, before.code) == (state, _text(e.data, "code")):
            continue
        if before is not None:
            done.append(replace(going.pop(who), until=e.at))
        if state != "stopped":
            text = _text(e.data, "last_error") if state != "running" else ""
            name, code, params = names.get(who, who), _text(e.data, "code"), _params(e.data)
            going[who] = Item("push", e.at, None, state, name, code, text, params)
    return done + [replace(item, until=s.ended_at) for item in going.values()]


def _state_of(data: Mapping[str, Any]) -> str:
    return "slate" if data.get("slate") else str(data.get("state"))


def _recordings(s: Session, events: list[LedgerEvent]) -> list[Item]:
    """What was kept, from its first picture on; with gaps, how many there are."""
    items: list[Item] = []
    for e in events:
        if e.session != s.id:
            continue
        if e.kind == "recording.started":
            items.append(Item("recording", _began(e), s.ended_at, "recording", _text(e.data, "recording")))
        elif e.kind == "recording.part_done":
            gaps, which = e.data.get("gaps") or 0, _text(e.data, "recording")
            items = [_kept(i, e.at, gaps) if i.name == which else i for i in items]
    return items


def _kept(item: Item, at: datetime, gaps: int) -> Item:
    return replace(item, until=item.until or at, state="gaps" if gaps else "kept", text=str(gaps) if gaps else "")


def _began(e: LedgerEvent) -> datetime:
    try:
        return min(datetime.fromisoformat(str(e.data.get("first_at"))), e.at)
    except (ValueError, TypeError):
        return e.at


def _refusal(e: LedgerEvent) -> Item:
    more = e.data.get("more") or 0
    text = _text(e.data, "reason") + (f" (+{more})" if more else "")
    return Item("refusal", e.at, e.at, "refused", _text(e.data, "client_ip"), _text(e.data, "code"), text)


def _callback(d: Delivery) -> Item:
    until = None if d.state == "pending" else d.attempts[-1].at if d.attempts else d.created_at
    code, said, params = _outcome(d)
    until = max(until, d.created_at) if until else None
    return Item("callback", d.created_at, until, d.state, d.action, code, said, params)


def _outcome(d: Delivery) -> tuple[str, str, dict[str, str]]:
    """What is said of a delivery, or of its last attempt: for programs, in words, and what that names."""
    if d.note or not d.attempts:
        return d.note_code, d.note, {}
    last = d.attempts[-1]
    if last.error or last.status is None:
        return last.error_code, last.error, {}
    return "callback_status", f"HTTP {last.status}", {"status": str(last.status)}


def _params(data: Mapping[str, Any]) -> dict[str, str]:
    named = data.get("params")
    return {str(k): str(v)[:_SHOWN_CHARS] for k, v in named.items()} if isinstance(named, dict) else {}


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name) or "")[:_SHOWN_CHARS]
