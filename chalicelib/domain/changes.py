"""What of the API is another one when an entity has changed: names of subjects, and nothing of what changed."""

from __future__ import annotations

from typing import Final, Literal

from chalicelib.domain.model.account import ApiSecret, AuditEntry, Credential
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery, WebhookSecret
from chalicelib.domain.model.destinations import Destination, Lease, PushStatus
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat, Node, NodeConfig
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.rooms import Room
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import (
    LimitSettings,
    PlaySettings,
    PublishSettings,
    RecordSettings,
    SystemSettings,
)
from chalicelib.domain.model.sources import Source, SourceLease, SourceStatus
from chalicelib.domain.model.stores import StoreSettings

Subject = Literal[
    "streams", "sessions", "destinations", "sources", "recordings", "rooms", "nodes", "settings", "tokens", "logins",
    "events", "deliveries", "callbacks", "audit",
]  # fmt: skip
SUBJECTS: Final[dict[type[Entity], tuple[Subject, ...]]] = {
    Node: ("nodes",),
    Heartbeat: ("nodes", "streams", "destinations", "sources"),  # their numbers ride on its syncs
    NodeConfig: ("nodes",),
    Credential: ("tokens", "logins"),
    Session: ("streams", "sessions"),
    Destination: ("destinations",),
    Lease: ("destinations",),
    PushStatus: ("destinations",),
    Source: ("sources",),
    SourceLease: ("sources",),
    SourceStatus: ("sources",),
    Recording: ("recordings",),
    LedgerEvent: ("events",),
    Delivery: ("deliveries",),
    StoreSettings: ("settings",),
    ApiSecret: ("settings",),
    SystemSettings: ("settings",),
    LimitSettings: ("settings",),
    Room: ("rooms",),
    PublishSettings: ("settings",),
    PlaySettings: ("settings",),
    RecordSettings: ("settings",),
    CallbackSettings: ("settings", "callbacks"),
    WebhookSecret: ("callbacks",),
    AuditEntry: ("audit",),
}
ALL: Final[frozenset[Subject]] = frozenset(name for names in SUBJECTS.values() for name in names)


def subjects_of(kind: type[Entity]) -> tuple[Subject, ...]:
    """The subjects of an entity; of most that are for inner use there are none."""
    return SUBJECTS.get(kind, ())
