"""Tells the cloud what this node sees and does what it wants: the loop behind "desired state, not commands"."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from chalicelib.wire.edge.desired import AdmissionSnapshot, Desired, SyncResponse
from chalicelib.wire.edge.events import SessionEnded
from chalicelib.wire.edge.observed import ObservedNode, SyncRequest
from edge.base.clock import Backoff, Clock, wait_or
from edge.base.errors import CloudError, MediaServerError, SpoolError
from edge.base.log import Log
from edge.base.loops import pause
from edge.cloud.client import Cloud
from edge.cloud.credentials import Credentials
from edge.cloud.questions import Questions
from edge.cloud.sender import Sender
from edge.cloud.snapshot import Snapshot
from edge.publish.admission import Admission
from edge.push.pushes import Pushes
from edge.push.sources import Sources
from edge.record.recorder import Recorder
from edge.record.uploads import Uploads
from edge.sessions.lifecycle import Lifecycle
from edge.srs.api import MediaServer
from edge.srs.hls import Hls

from . import AGENT_VERSION
from .spool import outbox, tables
from .spool.writer import Spool

log = Log("sync")

KEY: Final = "desired"
MIN_PAUSE_S: Final = 0.2
BUSY_PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 300.0
RECENT_S: Final = 10.0
TELL_AGAIN_S: Final = 300.0


class Sync:
    """The sync loop. `wake` syncs at once."""

    def __init__(  # noqa: PLR0913 - a composition of collaborators
        self, *, cloud: Cloud, spool: Spool, lifecycle: Lifecycle, admission: Admission, snapshot: Snapshot,
        credentials: Credentials, recorder: Recorder, uploads: Uploads, pushes: Pushes, sources: Sources,
        sender: Sender, media: MediaServer, clock: Clock, questions: Questions, hls: Hls,
        observe: Callable[[], ObservedNode],
    ) -> None:  # fmt: skip
        self._cloud, self._spool, self._lifecycle, self._admission = cloud, spool, lifecycle, admission
        self._snapshot, self._credentials, self._recorder = snapshot, credentials, recorder
        self._pushes, self._sender, self._media, self._clock = pushes, sender, media, clock
        self._questions, self._observe, self._sources = questions, observe, sources
        self._hls, self._uploads = hls, uploads
        self._wake = asyncio.Event()
        self._backoff = Backoff(1.0, 30.0)
        self._revision = ""
        self._told: dict[str, float] = {}
        self._kicked: dict[str, float] = {}
        self.last_at: float | None = None
        """Monotonic seconds of the last answered sync."""

    def wake(self) -> None:
        """Something changed, here or there."""
        self._wake.set()

    async def restore(self) -> None:
        """Take up the desired state of the last run: pushes go on although the cloud may be out of reach."""
        text = await self._spool.read(lambda db: tables.get_value(db, KEY))
        if text is None:
            return
        try:
            data = json.loads(text)
            desired = Desired.model_validate(data["desired"])
        except (ValueError, KeyError, TypeError, ValidationError):
            return
        self._revision = str(data["revision"])
        await self._obey(desired)

    async def run(self) -> None:
        """Sync forever."""
        while True:
            self._wake.clear()
            began = self._clock.monotonic()
            wait_s = await self._step_safely()
            # However many publishers come at once: what is left of the processor is for them.
            await pause(max(MIN_PAUSE_S, min(self._clock.monotonic() - began, BUSY_PAUSE_S)))
            await wait_or(self._wake, wait_s)

    async def _step_safely(self) -> float:
        try:
            return await self.step()
        except CloudError as error:
            log.limited("sync.failed", error=str(error))
            if self._cloud.revoked:
                self._give_up()
        except SpoolError as error:
            log.limited("sync.spool_failed", error=str(error))
        except Exception:
            log.exception("sync.broken")
        return 0.5 + self._backoff.next()

    def _give_up(self) -> None:
        """The node was revoked: others may push now what this one pushed."""
        self._pushes.desire([])
        self._sources.desire([])
        self._revision = ""  # should it be taken back, all is asked for again

    async def step(self) -> float:
        """One sync. Returns the seconds until the next.

        Raises:
            CloudError: no answer.
            SpoolError: what it brought could not be kept.
        """
        request = await self._request()
        sent_at = self._clock.monotonic()
        answer = await self._cloud.sync(request)
        self._backoff.reset()
        self.last_at = self._clock.monotonic()
        await self._apply(answer, request, sent_at)
        live = bool(self._lifecycle.book.opened())
        fallback = 30.0 if live else 60.0
        return min(max(answer.interval_s, 1.0), MAX_PAUSE_S) if answer.interval_s > 0 else fallback

    async def _request(self) -> SyncRequest:
        acked = await self._spool.read(outbox.acked_seq)
        events, links, oldest = await self._spool.read(tables.backlog)
        aside = await self._spool.read(tables.set_aside_counts)
        undecided = sorted(await self._spool.read(tables.undecided_sessions))
        observed = self._observe().model_copy(
            update={
                "pending_events": events,
                "pending_segments": links,
                "quarantined_events": aside[0],
                "quarantined_segments": aside[1],
                "oldest_pending_s": max(0.0, time.time() - oldest) if oldest else 0.0,
            }
        )
        return SyncRequest(
            agent_version=AGENT_VERSION,
            # With sessions whose plan is not known, the whole desired state is asked for again.
            revision="" if undecided else self._revision,
            snapshot_revision=self._snapshot.revision,
            fetches_snapshot=True,
            want_credentials=self._credentials.wanted,
            store=self._credentials.store,
            acked_seq=acked,
            unplanned=undecided[:100],
            sent_at=self._clock.now(),
            observed=observed,
        )

    async def _apply(self, answer: SyncResponse, request: SyncRequest, sent_at: float) -> None:
        if answer.node_token:
            self._cloud.renew(answer.node_token)
        self._questions.take(answer.questions)
        if answer.credentials is not None:
            self._credentials.set(answer.credentials)
            self._uploads.recovered()
        # What may free a full disk is done: what follows needs to be written down.
        await self._snapshot.confirm(await self._whole(answer.snapshot))
        if answer.desired is not None:
            await self._obey(answer.desired)
            value = json.dumps({"revision": answer.revision, "desired": answer.desired.model_dump(mode="json")})
            await self._spool.submit(lambda db: tables.put_value(db, KEY, value), keep=True)
        self._revision = answer.revision
        if answer.acked_seq < request.acked_seq:
            await self.rewind(answer.acked_seq)
        await self._close_unknown(answer.open_sessions, sent_at)

    async def _whole(self, snapshot: AdmissionSnapshot | None) -> AdmissionSnapshot | None:
        """A snapshot with all that belongs to it.

        Raises:
            CloudError: it can't be had now. The one before is kept, and the next sync brings it again.
        """
        if snapshot is None or not snapshot.accepted_url:
            return snapshot
        accepted = await self._cloud.accepted_secrets(snapshot.accepted_url)
        return snapshot.model_copy(update={"accepted": accepted, "accepted_url": ""})

    async def _obey(self, desired: Desired) -> None:
        for wanted in desired.sessions:
            session = self._lifecycle.book.sessions.get(wanted.session)
            if session is None:
                continue
            if await self._lifecycle.plan(session, wanted.recording, wanted.merge_window_s):
                log.info("session.planned", session=session.id, recording=wanted.recording)
            await self._recorder.assign(session)
            if wanted.kick and session.open:
                await self._kick(session.id, session.client_id)
        self._pushes.desire(desired.pushes)
        self._hls.desire(desired.settings)
        self._sources.desire(desired.sources)

    async def _kick(self, session_id: str, client_id: str) -> None:
        now = self._clock.monotonic()
        if now - self._kicked.get(session_id, -RECENT_S) < RECENT_S / 2:
            return
        self._kicked[session_id] = now
        try:
            await self._media.kick(client_id)
            log.info("session.kicked", session=session_id)
        except MediaServerError as error:
            log.warning("session.kick_failed", session=session_id, error=str(error))

    async def rewind(self, held: int) -> None:
        """The cloud went back in time (a restore): what it does not know any more is told again.

        Raises:
            SpoolError: that could not be written down.
        """
        now = self._clock.now().timestamp()
        if again := await self._spool.submit(lambda db: outbox.rewind_events(db, held, now)):
            log.warning("sync.cloud_went_back", held=held, events=again)
        self._sender.recovered()

    async def _close_unknown(self, open_sessions: list[str], sent_at: float) -> None:
        """Sessions that the cloud believes to be open and that are not: it missed, or we lost, their end."""
        book = self._lifecycle.book
        unsent = await self._spool.read(outbox.sessions_with_pending_events)
        now = self._clock.monotonic()
        for session_id in open_sessions:
            session = book.sessions.get(session_id)
            if session_id in self._admission.pending or session_id in unsent or (session and session.open):
                continue
            # Its end may have been told while this answer was on its way.
            if session and session.ended_at and (self._clock.now() - session.ended_at).total_seconds() < RECENT_S:
                continue
            if now - self._told.get(session_id, -TELL_AGAIN_S) < TELL_AGAIN_S or now - sent_at > TELL_AGAIN_S:
                continue
            self._told[session_id] = now
            log.warning("session.unknown", session=session_id)
            body = SessionEnded(reason="unknown_to_agent", inferred=True)
            await self._lifecycle.emit(body, session, session_id)
