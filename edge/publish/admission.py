"""May this client publish? Names, a busy look at the media server, the cloud, and the snapshot in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from chalicelib.wire.edge.publish import Plan, PublishRequest, PublishResponse
from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import DEFAULT_VHOST, InvalidNameError, StreamName, check_name, folded, identity
from edge.base.clock import Clock, new_ulid
from edge.base.errors import CloudError, MediaServerError, SpoolError
from edge.base.log import Log
from edge.callbacks.callback import Callbacks
from edge.cloud.client import Cloud
from edge.cloud.snapshot import Snapshot
from edge.publish.keep import Keeper
from edge.publish.offers import RefusedOffers
from edge.publish.refusals import Refusals, RefusedError
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import ClientKey, Protocol, Session
from edge.srs.api import MediaServer
from edge.srs.own import OwnPublishes, without_credential

log = Log("admission")

DECIDE_S: Final = 2.0
CALLBACK_S: Final = 5.5
"""What the user's own callback may take on top, when the cloud sends it."""
LATE_S: Final = 30.0
TAKEN: Final = (
    "another offer to publish the stream was taken just before. If its publisher is gone, the media server lets go of "
    "it within half a minute"
)
BUSY_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided."""

    reason: str | None
    """None: yes."""
    code: str = ""
    by: str = "cloud"
    how: str = ""
    plan: Plan | None = None


_LACKS_PUBLISH: Final = (
    "the SRT streamid asks to play, as every one does that lacks m=publish; "
    "write it as #!::r=<app>/<name>?secret=<publish secret>,m=publish"
)
_NOT_SPLIT: Final = (
    "the media server can't take a query off a name with letters beyond ASCII: put the secret into the server field "
    "(rtmp://host/live?secret=…), or into the name itself"
)
_NOT_SPLIT_ASCII: Final = (
    "the media server can't take the query off this name: the stream key holds a space, a line break or another sign "
    "that no URL has, or the server field a slash behind its query; copy them anew"
)


def name_of(hook: Hook) -> StreamName:
    """The stream that a hook names.

    Raises:
        RefusedError: it may not be used.
    """
    if "://" in f"{hook.app}/{hook.stream}":
        raise RefusedError(
            "the stream key is a whole URL: what stands up to its last slash belongs into the server field",
            "name_invalid",
        )
    if "?" in hook.stream:
        # SRS reads URLs that are ASCII (http_parser), and leaves a name as it came where one is not.
        raise RefusedError(_NOT_SPLIT_ASCII if hook.stream.isascii() else _NOT_SPLIT, "name_not_split")
    try:
        return StreamName(vhost=hook.vhost or DEFAULT_VHOST, app=hook.app, stream=hook.stream)
    except InvalidNameError as error:
        raise RefusedError(str(error), "name_invalid") from None
    except ValidationError as error:
        raise RefusedError(str(error.errors()[0]["msg"]).removeprefix("Value error, "), "name_invalid") from None


def protocol_of(hook: Hook) -> Protocol:
    """SRT names itself in `tcUrl`; WHIP has none and puts `app=` into `param`."""
    if hook.tcUrl.startswith("srt:"):
        return "srt"
    return "webrtc" if not hook.tcUrl or hook.tcUrl.startswith("webrtc:") else "rtmp"


def check_connect(hook: Hook) -> None:
    """The names of an `on_connect`, which some clients send without a stream.

    Raises:
        InvalidNameError: a name may not be used.
    """
    # What SRS could not take off the name is said when it comes to publish.
    check_name(hook.vhost or DEFAULT_VHOST, hook.app, hook.stream.partition("?")[0] or "-")


class Admission:
    """Decides publishes, enters the admitted ones, and tells of the others."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        cloud: Cloud,
        snapshot: Snapshot,
        media: MediaServer,
        callbacks: Callbacks,
        own: OwnPublishes,
        keeper: Keeper,
        clock: Clock,
    ) -> None:
        self._lifecycle, self._cloud, self._snapshot = lifecycle, cloud, snapshot
        self._media, self._callbacks, self._own, self._clock = media, callbacks, own, clock
        self._keeper = keeper
        self._refusals = Refusals(clock)
        self._offers = RefusedOffers(media)
        self._pending: dict[str, ClientKey] = {}
        self._gone: set[ClientKey] = set()
        self._late: set[asyncio.Task[None]] = set()
        self.on_plan: Callable[[Session], Awaitable[None]] | None = None

    @property
    def pending(self) -> set[str]:
        """Sessions that are being decided: the cloud may already know them."""
        return set(self._pending)

    def client_gone(self, key: ClientKey) -> None:
        """`on_close`: a decision that is still being made must not admit that client."""
        if key in self._pending.values():
            self._gone.add(key)

    async def publish(self, hook: Hook) -> Session:
        """Decide an `on_publish`; the returned session is durable.

        Raises:
            RefusedError: no.
        """
        try:
            return await self._publish(hook)
        except RefusedError as error:
            await self._tell(hook, error)
            if protocol_of(hook) == "webrtc":
                self._offers.add(hook, str(error))
            raise

    async def refusal(self, hook: Hook) -> str | None:
        """Why an offer to publish will be refused, told like any refusal, before the media server is asked to take it;
        None: it may try, and `publish` decides. Whom the snapshot knows is not asked about here: once is enough.
        """
        try:
            await self._ahead(hook)
        except RefusedError as error:
            await self._tell(hook, error)
            return str(error)
        return None

    async def broken_off(self, hook: Hook) -> str | None:
        """Why the media server broke off an offer to publish that it was asked to take; its name is free from then on,
        unless it is another's. None: that is not known.
        """
        refused = await self._offers.reason(hook)
        if refused is not None:
            return refused
        try:
            name = folded(str(name_of(hook)))
            await self._media.look(timeout_s=BUSY_LOOK_S)
        except (RefusedError, MediaServerError):  # it may have gone: then whom it had says nothing
            return None
        others = (s for s in self._lifecycle.book.opened() if folded(str(s.stream)) == name)
        return TAKEN if next(others, None) else None

    async def connect(self, hook: Hook) -> None:
        """Look at an `on_connect`.

        Raises:
            RefusedError: its names may not be used. Some clients never come to publish after that, so it is told.
        """
        try:
            check_connect(hook)
        except InvalidNameError as error:
            refused = RefusedError(str(error), "name_invalid")
            await self._tell(hook, refused)
            raise refused from None

    async def means_to_publish(self, hook: Hook) -> None:
        """Tell of a client that shows a publish secret and asks to play what nobody publishes: it is an encoder whose
        SRT streamid lacks `m=publish`, which SRS takes for a viewer (SRT Access Control, `m`).
        """
        await self._tell(hook, RefusedError(_LACKS_PUBLISH, "srt_lacks_publish"))

    async def _tell(self, hook: Hook, why: RefusedError) -> None:
        name = identity(hook.vhost, f"{hook.app}/{hook.stream.partition('?')[0]}")
        with suppress(RefusedError):
            name = str(self._snapshot.public_name(name_of(hook)))
        event = self._refusals.event(hook, name, protocol_of(hook), why, self._snapshot.masked)
        if event is not None:
            with suppress(SpoolError):
                await self._lifecycle.emit(event)

    async def _publish(self, hook: Hook) -> Session:
        session = self._session(hook, name_of(hook))
        self._pending[session.id] = session.key
        try:
            return await self._decide_and_enter(session, hook)
        except RefusedError:
            self._keeper.end(session.id)
            raise
        finally:
            del self._pending[session.id]
            if session.key not in self._pending.values():
                self._gone.discard(session.key)

    def _session(self, hook: Hook, name: StreamName) -> Session:
        return Session(
            id=new_ulid(),
            stream=name,
            asked="" if hook.stream == name.stream else hook.stream,
            service_id=hook.service_id,
            client_id=hook.client_id,
            opened_at=self._clock.now(),
            client_ip=hook.ip,
            protocol=protocol_of(hook),
        )

    async def _decide_and_enter(self, session: Session, hook: Hook) -> Session:
        await self._refuse_busy(session)
        self._keeper.begin(session)
        decision = await self._permit(session, hook)
        if session.key in self._gone:
            raise RefusedError("the client left", "client_left")
        session.by = "cloud" if decision.by == "cloud" else "snapshot"
        session.how = decision.how
        if decision.plan is not None:
            session.planned, session.recording = True, decision.plan.recording
            session.merge_window_s = decision.plan.merge_window_s
        try:
            await self._lifecycle.admit(session)
        except SpoolError as error:
            raise RefusedError("the spool cannot keep it", "not_durable") from error
        log.info("session.admitted", session=session.id, by=session.by, protocol=session.protocol)
        return session

    async def _ahead(self, hook: Hook) -> None:
        session = self._session(hook, name_of(hook))
        await self._refuse_busy(session)
        if not self._snapshot.knows(session.stream, hook.param):
            await self._permit(session, hook)

    async def _permit(self, session: Session, hook: Hook) -> Decision:
        asked = asyncio.create_task(self._ask(session, hook))
        decision = await self._decide(asked, session, hook)
        if decision.reason is not None:
            raise RefusedError(decision.reason, decision.code or "refused")
        return decision

    async def _refuse_busy(self, session: Session) -> None:
        try:
            look = await self._media.look(timeout_s=BUSY_LOOK_S)
        except MediaServerError:
            return
        publisher = look.of(session.stream)
        session.alone = publisher is None or publisher.cid == session.client_id
        if publisher is None or session.alone:
            return
        if publisher.name == str(session.stream):
            raise RefusedError("the stream has a publisher", "busy")
        raise RefusedError(
            "the media server can't tell this name from that of a stream that is live: it leaves out what stands "
            "behind the last dot",
            "name_folded",
        )

    async def _decide(self, asked: asyncio.Task[PublishResponse], session: Session, hook: Hook) -> Decision:
        # The cloud sends the user's callback while we wait, so where there is one (or may be) it gets more time.
        budget = DECIDE_S if self._snapshot.asks_callback is False else DECIDE_S + CALLBACK_S
        done, _ = await asyncio.wait({asked}, timeout=budget)
        if done:
            try:
                return await self._obey(asked.result(), session)
            except CloudError as error:
                log.limited("admission.cloud_failed", error=str(error))
        if self._cloud.turned_away:
            # That is an answer. What the snapshot knows is no longer this node's to decide by.
            return Decision("the cloud does not know this node", "node_unknown")
        reason = self._snapshot.decide(session.stream, hook.param, own=self._own.admits(hook))
        if not done:
            self._watch_late(asked, session)
        return Decision(reason, "outage" if reason else "", "snapshot")

    async def _ask(self, session: Session, hook: Hook) -> PublishResponse:
        request = PublishRequest(
            session=session.id,
            at=session.opened_at,
            stream=session.stream,
            param=without_credential(hook.param)[:65536],
            own=self._own.admits(hook),
            client_id=session.client_id,
            service_id=session.service_id,
            server_id=hook.server_id,
            client_ip=hook.ip,
            protocol=session.protocol,
        )
        return await self._cloud.publish(request, LATE_S)

    async def _obey(self, answer: PublishResponse, session: Session) -> Decision:
        if answer.decision == "deny":
            return Decision(answer.reason or "denied", answer.code)
        if answer.decision != "allow":
            said = "no" if answer.callback is None else await self._callbacks.ask(answer.callback, session)
            if said == "no answer":
                return Decision("the callback was not answered", "callback_unanswered")
            if said == "no":
                return Decision("the callback refused", "callback_refused")
        return Decision(None, "", "cloud", answer.how, answer.plan)

    def _watch_late(self, asked: asyncio.Task[PublishResponse], session: Session) -> None:
        task = asyncio.create_task(self._obey_late(asked, session))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _obey_late(self, asked: asyncio.Task[PublishResponse], session: Session) -> None:
        """The cloud answered after the snapshot had decided: a no wins, a yes brings the plan."""
        try:
            decision = await self._obey(await asked, session)
        except CloudError:
            return
        if not session.open or session.id not in self._lifecycle.book.sessions:
            return
        if decision.reason is not None:
            log.warning("admission.late_refusal", session=session.id)
            try:
                await self._media.kick(session.client_id)
            except MediaServerError as error:
                log.warning("admission.kick_failed", session=session.id, error=str(error))
        elif decision.plan is not None and not session.planned:
            await self._lifecycle.plan(session, decision.plan.recording, decision.plan.merge_window_s)
            if self.on_plan is not None:
                await self.on_plan(session)

    async def close(self) -> None:
        """Give up on late answers, and on what follows from refusals."""
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._offers.close()
        await self._keeper.close()
