"""What of the API is another one when an entity has changed: names of subjects, and nothing of what changed."""

from __future__ import annotations

from typing import Final, Literal

from . import model as m

Subject = Literal[
    "streams", "sessions", "destinations", "sources", "recordings", "rooms", "nodes", "settings", "tokens", "logins",
    "events", "deliveries", "callbacks", "audit",
]  # fmt: skip
SUBJECTS: Final[dict[type[m.Entity], tuple[Subject, ...]]] = {
    m.Node: ("nodes",),
    m.NodeSeen: ("nodes", "streams"),
    m.NodeConfig: ("nodes",),
    m.Credential: ("tokens", "logins"),
    m.Session: ("streams", "sessions"),
    m.Destination: ("destinations",),
    m.Lease: ("destinations",),
    m.PushStatus: ("destinations",),
    m.Source: ("sources",),
    m.SourceLease: ("sources",),
    m.SourceStatus: ("sources",),
    m.Recording: ("recordings",),
    m.LedgerEvent: ("events",),
    m.Delivery: ("deliveries",),
    m.StoreSettings: ("settings",),
    m.ApiSecret: ("settings",),
    m.SystemSettings: ("settings",),
    m.LimitSettings: ("settings",),
    m.Room: ("rooms",),
    m.PublishSettings: ("settings",),
    m.PlaySettings: ("settings",),
    m.RecordSettings: ("settings",),
    m.CallbackSettings: ("settings", "callbacks"),
    m.WebhookSecret: ("callbacks",),
    m.AuditEntry: ("audit",),
}
ALL: Final[frozenset[Subject]] = frozenset(name for names in SUBJECTS.values() for name in names)


def subjects_of(kind: type[m.Entity]) -> tuple[Subject, ...]:
    """The subjects of an entity; of most that are for inner use there are none."""
    return SUBJECTS.get(kind, ())
