"""Where each entity lies in the one table. `docs/data-model.md` lists the access patterns that this serves."""

from __future__ import annotations

import hashlib
import zlib
from datetime import timedelta
from typing import Final

from chalicelib.adapters.indexes import delivery_index, recording_index, session_index
from chalicelib.adapters.layout_of import KEPT_ANSWER_HOURS, Layout
from chalicelib.adapters.layout_of_sources import SOURCES
from chalicelib.domain.ids import name_hash, stamp, ulid_time
from chalicelib.domain.model.account import AdminPassword, ApiSecret, AuditEntry, Credential, KeptAnswer, LoginHold
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import AskedCallback, CallbackSettings, CallbackTrace, Delivery, WebhookSecret
from chalicelib.domain.model.destinations import (
    Destination,
    Lease,
    NodeLease,
    PushCount,
    PushStatus,
    TargetHold,
    WantedStream,
    WantedTarget,
    WantingIndexed,
)
from chalicelib.domain.model.fleet import FleetState
from chalicelib.domain.model.ledger import LEDGER_DAYS, LEDGER_SHARDS, LedgerEvent
from chalicelib.domain.model.nodes import (
    Drained,
    Heartbeat,
    Node,
    NodeConfig,
    NodeLooked,
    NodeTold,
    OpenQuestion,
    QuestionAnswer,
)
from chalicelib.domain.model.recordings import (
    FinishHold,
    OpenListed,
    OpenRecording,
    Recording,
    RetentionMark,
    Share,
)
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.sessions import LiveCount, OpenSession, Session, SessionOwner, StreamTail
from chalicelib.domain.model.settings import (
    LimitSettings,
    PlaySettings,
    PublishSettings,
    RecordSettings,
    SystemSettings,
)
from chalicelib.domain.model.stores import StoreSettings

DELIVERY_DAYS: Final = 90
CLOSED_SESSION_DAYS: Final = 90
OWNED_SESSION_DAYS: Final = 400
ASKED_CALLBACK_DAYS: Final = 30
LOGIN_HOLD_HOURS: Final = 2
AUDIT_DAYS: Final = 365
QUESTION_MINUTES: Final = 10
NODE_STATE: Final = ("ASKED#", "SEEN")
"""The sort keys that one read of a node takes: its questions, leases, sessions, settings, its heartbeat and itself."""


def ledger_shard(ulid: str) -> int:
    """The shard of the ledger that an event lies in; spreads the writes of a day."""
    return zlib.crc32(ulid.encode()) % LEDGER_SHARDS


def _event_day(event: str) -> str:
    return f"EVENT#{ulid_time(event):%Y%m%d}#{ledger_shard(event)}"


LAYOUTS: Final[dict[type[Entity], Layout]] = {
    **SOURCES,
    Node: Layout(
        tag="node",
        key=lambda node: (f"NODE#{node}", "NODE"),
        key_of=lambda e: (e.id,),
        index=lambda e: None if e.removed else ("NODES", e.id),
        secret=("snapshot_key",),
    ),
    Heartbeat: Layout(
        tag="node_seen",
        # The last of what a sync reads of a node, before `SESSION#`.
        key=lambda node: (f"NODE#{node}", "SEEN"),
        key_of=lambda e: (e.node,),
        secret=("observed",),
    ),
    NodeTold: Layout(
        tag="node_told",
        key=lambda node, part: (f"NODE#{node}", f"TOLD#{part}"),
        key_of=lambda e: (e.node, e.part),
        partition=lambda node: (f"NODE#{node}", "TOLD#"),
        secret=("body",),
        packed=True,
    ),
    NodeLease: Layout(
        tag="node_lease",
        key=lambda node, destination: (f"NODE#{node}", f"LEASE#{destination}"),
        key_of=lambda e: (e.node, e.destination),
    ),
    NodeLooked: Layout(
        tag="node_looked",
        # Between `ASKED#` and `OPEN#`, too.
        key=lambda node: (f"NODE#{node}", "LOOKED"),
        key_of=lambda e: (e.node,),
        expires=lambda e: e.until + timedelta(minutes=QUESTION_MINUTES),
    ),
    NodeConfig: Layout(
        tag="node_config",
        # Between `ASKED#` and `OPEN#`, so that a sync reads it with the rest.
        key=lambda node: (f"NODE#{node}", "NODE_CONFIG"),
        key_of=lambda e: (e.node,),
    ),
    OpenQuestion: Layout(
        tag="open_question",
        key=lambda node, question: (f"NODE#{node}", f"ASKED#{question}"),
        key_of=lambda e: (e.node, e.id),
        expires=lambda e: e.deadline + timedelta(minutes=QUESTION_MINUTES),
        secret=("body",),
    ),
    QuestionAnswer: Layout(
        tag="question_answer",
        key=lambda question: (f"ASKED#{question}", "ANSWER"),
        key_of=lambda e: (e.id,),
        expires=lambda e: e.at + timedelta(minutes=QUESTION_MINUTES),
        secret=("result",),
    ),
    OpenSession: Layout(
        tag="open_session",
        key=lambda node, session: (f"NODE#{node}", f"OPEN#{session}"),
        key_of=lambda e: (e.node, e.session),
        index=lambda e: (f"LIVE_OF#{name_hash(e.stream.stream)}", e.session) if e.state == "live" else None,
        secret=("stream",),
    ),
    Session: Layout(
        tag="session",
        key=lambda node, session: (f"NODE#{node}", f"SESSION#{session}"),
        key_of=lambda e: (e.node, e.id),
        partition=lambda node: (f"NODE#{node}", "SESSION#"),
        index=session_index,
        expires=lambda e: e.ended_at and e.ended_at + timedelta(days=CLOSED_SESSION_DAYS),
        secret=("stream",),
    ),
    LiveCount: Layout(tag="live_count", key=lambda: ("CONFIG", "live_count"), key_of=lambda _: ()),
    SessionOwner: Layout(
        tag="session_owner",
        key=lambda session: (f"SESSION#{session}", "OWNER"),
        key_of=lambda e: (e.session,),
        expires=lambda e: e.at + timedelta(days=OWNED_SESSION_DAYS),
    ),
    AskedCallback: Layout(
        tag="asked_callback",
        key=lambda node, request: (f"CALLBACK#{node}", request),
        key_of=lambda e: (e.node, e.id),
        expires=lambda e: e.at + timedelta(days=ASKED_CALLBACK_DAYS),
        secret=("target",),
    ),
    Credential: Layout(
        tag="credential",
        key=lambda token_hash: (f"TOKEN#{token_hash}", "TOKEN"),
        key_of=lambda e: (e.hash,),
        index=lambda e: (f"TOKENS#{e.kind}", e.hash),
        expires=lambda e: e.expires_at,
    ),
    StreamTail: Layout(
        tag="stream_tail",
        # A stream's name may end in the publish secret: nothing of it lies in the table in clear.
        key=lambda stream: (f"STREAM#{hashlib.sha256(stream.encode()).hexdigest()}", "TAIL"),
        key_of=lambda e: (e.stream,),
        secret=("stream",),
        expires=lambda e: e.ended_at and e.ended_at + timedelta(days=1),
    ),
    Destination: Layout(
        tag="destination",
        key=lambda destination: (f"DEST#{destination}", "DEST"),
        key_of=lambda e: (e.id,),
        index=lambda e: ("DESTS", e.id),
        secret=("url", "slot"),
    ),
    Lease: Layout(
        tag="lease",
        key=lambda destination: (f"DEST#{destination}", "LEASE"),
        key_of=lambda e: (e.destination,),
        index=lambda e: ("LEASES_HELD", e.destination) if e.held else None,
    ),
    PushCount: Layout(tag="push_count", key=lambda: ("CONFIG", "push_count"), key_of=lambda _: ()),
    WantedStream: Layout(
        tag="wanted_stream",
        key=lambda destination: (f"DEST#{destination}", "STREAM"),
        key_of=lambda e: (e.destination,),
        index=lambda e: (e.index, e.destination) if e.index else None,
    ),
    WantedTarget: Layout(
        tag="wanted_target",
        key=lambda destination: (f"DEST#{destination}", "TARGET"),
        key_of=lambda e: (e.destination,),
        index=lambda e: (e.index, e.destination) if e.index else None,
    ),
    WantingIndexed: Layout(tag="wanting_indexed", key=lambda: ("CONFIG", "wanting_indexed"), key_of=lambda _: ()),
    PushStatus: Layout(
        tag="push_status",
        key=lambda destination: (f"DEST#{destination}", "PUSH"),
        key_of=lambda e: (e.destination,),
    ),
    TargetHold: Layout(
        tag="target_hold",
        key=lambda target: (f"TARGET#{target}", "HOLD"),
        key_of=lambda e: (e.target,),
    ),
    Recording: Layout(
        tag="recording",
        key=lambda recording: (f"REC#{recording}", "REC"),
        key_of=lambda e: (e.id,),
        index=recording_index,
        secret=("stream",),
    ),
    OpenRecording: Layout(
        tag="open_recording",
        key=lambda recording: (f"REC#{recording}", "OPEN"),
        key_of=lambda e: (e.recording,),
        index=lambda e: None if e.closed_at else ("RECS_OPEN", f"{stamp(e.since)}#{e.recording}"),
        expires=lambda e: e.closed_at,
    ),
    OpenListed: Layout(tag="open_listed", key=lambda: ("CONFIG", "open_listed"), key_of=lambda _: ()),
    FinishHold: Layout(
        tag="finish_hold",
        key=lambda recording: (f"REC#{recording}", "FINISH"),
        key_of=lambda e: (e.recording,),
        expires=lambda e: e.until + timedelta(days=1),
    ),
    Share: Layout(
        tag="share",
        key=lambda recording, share: (f"REC#{recording}", f"SHARE#{share}"),
        key_of=lambda e: (e.recording, e.id),
        partition=lambda recording: (f"REC#{recording}", "SHARE#"),
        expires=lambda e: e.expires_at,
    ),
    FleetState: Layout(
        tag="fleet_state", key=lambda: ("CONFIG", "fleet"), key_of=lambda _: (), secret=("key", "accepted")
    ),
    RetentionMark: Layout(tag="retention_mark", key=lambda: ("CONFIG", "retention_mark"), key_of=lambda _: ()),
    LedgerEvent: Layout(
        tag="event",
        key=lambda event: (_event_day(event), event),
        key_of=lambda e: (e.id,),
        partition=lambda day, shard: (f"EVENT#{day}#{shard}", ""),
        expires=lambda e: e.at + timedelta(days=LEDGER_DAYS),
    ),
    Delivery: Layout(
        tag="delivery",
        key=lambda delivery: (f"DELIVERY#{delivery}", "DELIVERY"),
        key_of=lambda e: (e.id,),
        index=delivery_index,
        expires=lambda e: e.created_at + timedelta(days=DELIVERY_DAYS),
    ),
    Drained: Layout(tag="drained", key=lambda: ("CONFIG", "drained"), key_of=lambda _: ()),
    AdminPassword: Layout(tag="admin_password", key=lambda: ("CONFIG", "admin"), key_of=lambda _: ()),
    SystemSettings: Layout(tag="system_settings", key=lambda: ("CONFIG", "system"), key_of=lambda _: ()),
    LimitSettings: Layout(tag="limit_settings", key=lambda: ("CONFIG", "limits"), key_of=lambda _: ()),
    LoginHold: Layout(
        tag="login_hold",
        key=lambda address: (f"LOGIN#{address}", "HOLD"),
        key_of=lambda e: (e.address,),
        expires=lambda e: max(e.since, e.until) + timedelta(hours=LOGIN_HOLD_HOURS),
    ),
    ApiSecret: Layout(
        tag="api_secret",
        key=lambda: ("CONFIG", "api_secret"),
        key_of=lambda _: (),
        secret=("current", "previous"),
    ),
    Room: Layout(
        tag="room",
        key=lambda room: (f"ROOM#{room}", "ROOM"),
        key_of=lambda e: (e.id,),
        index=lambda e: ("ROOMS", f"{stamp(e.created_at)}#{e.id}"),
        secret=("secret", "extra"),
    ),
    RoomSecret: Layout(
        tag="room_secret",
        key=lambda stream: (f"ROOMNAME#{stream}", "SECRET"),
        key_of=lambda e: (e.stream,),
        index=lambda e: ("ROOM_SECRETS", e.stream),
        secret=("secret",),
    ),
    PublishSettings: Layout(
        tag="publish_settings", key=lambda: ("CONFIG", "publish"), key_of=lambda _: (), secret=("secret", "retired")
    ),
    PlaySettings: Layout(tag="play_settings", key=lambda: ("CONFIG", "play"), key_of=lambda _: ()),
    RecordSettings: Layout(tag="record_settings", key=lambda: ("CONFIG", "record"), key_of=lambda _: ()),
    CallbackSettings: Layout(
        tag="callback_settings",
        key=lambda: ("CONFIG", "callbacks"),
        key_of=lambda _: (),
        secret=("opaque", "target"),
    ),
    StoreSettings: Layout(
        tag="store_settings", key=lambda: ("CONFIG", "store"), key_of=lambda _: (), secret=("stores",)
    ),
    CallbackTrace: Layout(
        tag="callback_trace",
        key=lambda: ("CONFIG", "callback_trace"),
        key_of=lambda _: (),
        secret=("request", "response"),
    ),
    WebhookSecret: Layout(
        tag="webhook_secret",
        key=lambda: ("CONFIG", "webhook_secret"),
        key_of=lambda _: (),
        secret=("current", "previous"),
    ),
    AuditEntry: Layout(
        tag="audit",
        key=lambda entry: (f"AUDIT#{ulid_time(entry):%Y%m}", entry),
        key_of=lambda e: (e.id,),
        partition=lambda month: (f"AUDIT#{month}", ""),
        expires=lambda e: e.at + timedelta(days=AUDIT_DAYS),
    ),
    KeptAnswer: Layout(
        tag="kept_answer",
        key=lambda answer: (f"ANSWER#{answer}", "ANSWER"),
        key_of=lambda e: (e.id,),
        expires=lambda e: e.created_at + timedelta(hours=KEPT_ANSWER_HOURS),
        secret=("body",),
    ),
}

BY_TAG: Final = {layout.tag: kind for kind, layout in LAYOUTS.items()}
