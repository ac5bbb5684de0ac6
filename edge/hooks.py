"""Answers SRS's hooks. `0` means: what the hook reports is durable. A refusal is HTTP 200 with a code other than 0."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from chalicelib.wire.hooks import MAX_HOOK_BYTES, Hook, InvalidHookError, parse_hook
from chalicelib.wire.names import DEFAULT_VHOST, SRT_VHOST
from edge.base.errors import MediaServerError, SpoolError
from edge.base.httpserver import Handler, Request, Response
from edge.base.log import Log
from edge.publish.admission import Admission
from edge.publish.refusals import RefusedError
from edge.record.linker import Linker
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import ClientKey, Session
from edge.srs.api import MediaServer
from edge.watching.play import Play
from edge.watching.srt import SrtPlay
from edge.watching.viewers import Viewers, stream_of

log = Log("hooks")

YES: Final = Response(200, b"0")
NO_FORWARD: Final = Response(200, b'{"code":0,"data":{"urls":[]}}', "application/json")
OK: Final = Response(200, b"ok\n")
NOT_FOUND: Final = Response(404, b"not found\n")
MAX_BODY: Final = MAX_HOOK_BYTES
REFUSED: Final = 403
NOT_DURABLE: Final = 507


def no(code: int, reason: str) -> Response:
    """A refusal that SRS understands."""
    return Response(200, json.dumps({"code": code, "msg": reason}).encode(), "application/json")


def behind_secret(handle: Handler, secret: str) -> Handler:
    """Hooks at `/hooks/<secret>` and below, and nowhere else, so that nobody but the media server can report what it
    does; '' leaves them where they are.
    """
    if not secret:
        return handle
    expected = secret.encode()

    def guarded(request: Request) -> Response | Awaitable[Response]:
        before, _, shown = request.path.partition("/hooks/")
        known = not before and hmac.compare_digest(shown.partition("/")[0].encode("utf-8", "replace"), expected)
        return handle(request) if known or request.path == "/healthz" else NOT_FOUND

    return guarded


class Hooks:
    """The hook endpoint: `POST /hooks/<action>`, `/hooks` or `/`; the action is the body's."""

    def __init__(
        self, admission: Admission, lifecycle: Lifecycle, linker: Linker, viewers: Viewers, allowed: Play,
        srt: SrtPlay, media: MediaServer, count: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._srt = srt
        self._admission, self._lifecycle, self._linker = admission, lifecycle, linker
        self._viewers, self._allowed, self._media, self._count = viewers, allowed, media, count
        self._actions: dict[str, Callable[[Hook], Response | Awaitable[Response]]] = {
            "on_connect": self._connect,
            "on_publish": self._publish,
            "on_unpublish": lambda hook: self._durably(hook, self._unpublish),
            "on_close": self._close,
            "on_hls": lambda hook: self._durably(hook, self._hls),
            "on_play": self._play,
            "on_stop": self._stop,
            "on_dvr": self._yes,
            "on_forward": self._forward,
        }

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Answer one request."""
        if request.method == "GET" and request.path == "/healthz":
            return OK
        if request.path not in {"/", "/hooks"} and not request.path.startswith("/hooks/"):
            return NOT_FOUND
        if request.method != "POST":
            return Response(405, b"POST only\n")
        try:
            hook = parse_hook(request.body)
        except InvalidHookError as error:
            log.limited("hook.invalid", error=str(error))
            self._count("invalid", "400")
            return Response(400, f"{error}\n".encode())
        return self._dispatch(hook)

    def _dispatch(self, hook: Hook) -> Response | Awaitable[Response]:
        return self._of_srt(hook) if hook.vhost == SRT_VHOST else self._actions[hook.action](hook)

    def _of_srt(self, hook: Hook) -> Response:
        """The virtual host of SRT's viewers: they watch what is live in the default one."""
        if hook.action == "on_publish" and not self._srt.may_publish(hook):
            self._count(hook.action, "refused")
            return no(REFUSED, "refused")
        there = hook.model_copy(update={"vhost": DEFAULT_VHOST})
        if hook.action == "on_play":
            answer = self._plays(there)
            if answer is YES:
                self._srt.begin(there)
            return answer
        if hook.action == "on_stop":
            self._srt.stop(there)
            return self._stop(there)
        return self._yes(hook)

    async def refusal(self, hook: Hook) -> str | None:
        """Why a publish or a play that is only offered yet will be refused; None: it may try."""
        return self._play_refusal(hook) if hook.action == "on_play" else await self._admission.refusal(hook)

    async def broken_off(self, hook: Hook) -> str | None:
        """Why the media server broke off an offer that it was asked to take; None: that is not known."""
        return None if hook.action == "on_play" else await self._admission.broken_off(hook)

    def _play(self, hook: Hook) -> Response | Awaitable[Response]:
        if hook.tcUrl.startswith("srt:") and "secret=" in hook.param and not self._is_live(hook):
            return self._mistaken(hook)
        return self._plays(hook)

    def _is_live(self, hook: Hook) -> bool:
        return self._lifecycle.book.live_of(self._watched(hook)) is not None

    async def _mistaken(self, hook: Hook) -> Response:
        await self._admission.means_to_publish(hook)
        return self._plays(hook)

    def _plays(self, hook: Hook) -> Response:
        if self._play_refusal(hook) is not None:
            return no(REFUSED, "refused")
        if not self._allowed.is_own(hook.param):
            self._viewers.play(hook, self._watched(hook))
        return self._yes(hook)

    def _watched(self, hook: Hook) -> str:
        return self._lifecycle.book.watched(stream_of(hook))

    def _play_refusal(self, hook: Hook) -> str | None:
        refused = self._allowed.refusal(self._watched(hook), hook.param)
        if refused is not None:
            log.limited("hook.play_refused", every_s=1.0, reason=refused)
            self._count(hook.action, "refused")
        return refused

    def _stop(self, hook: Hook) -> Response:
        self._viewers.stop(hook)
        return self._yes(hook)

    def _forward(self, hook: Hook) -> Response:
        self._count(hook.action, "0")
        return NO_FORWARD

    def _yes(self, hook: Hook) -> Response:
        self._count(hook.action, "0")
        return YES

    async def _connect(self, hook: Hook) -> Response:
        try:
            await self._admission.connect(hook)
        except RefusedError as error:
            log.limited("hook.connect_refused", error=str(error))
            self._count(hook.action, "refused")
            return no(REFUSED, "the name may not be used")
        self._count(hook.action, "0")
        return YES

    async def _publish(self, hook: Hook) -> Response:
        try:
            await self._admission.publish(hook)
        except RefusedError as error:
            log.limited("hook.publish_refused", every_s=1.0, reason=str(error), client=hook.client_id[:40])
            self._count(hook.action, "refused")
            return no(REFUSED, "refused")
        self._count(hook.action, "0")
        return YES

    def _close(self, hook: Hook) -> Response | Awaitable[Response]:
        key = (hook.service_id, hook.client_id)
        self._viewers.stop(hook)
        self._admission.client_gone(key)
        if self._lifecycle.book.open_of(key) is None:
            # Most that close are viewers; they cost no task.
            return self._yes(hook)
        return self._durably(hook, self._closed)

    async def _durably(self, hook: Hook, act: Callable[[Hook], Awaitable[None]]) -> Response:
        try:
            await act(hook)
        except SpoolError:
            self._count(hook.action, "not_durable")
            return no(NOT_DURABLE, "not durable")
        self._count(hook.action, "0")
        return YES

    async def _hls(self, hook: Hook) -> None:
        session = await self._linker.announced(hook)
        if session is not None and session.state == "admitted" and session.client_id == hook.client_id:
            await self._lifecycle.go_live(session)

    async def _unpublish(self, hook: Hook) -> None:
        key = (hook.service_id, hook.client_id)
        session = self._lifecycle.book.open_of(key)
        if session is not None and session.publish_no > 1 and await self._still_publishes(session):
            log.info("hook.stale_unpublish", session=session.id)
            return
        await self._look_once_more(key)
        await self._lifecycle.unpublish(key)

    async def _closed(self, hook: Hook) -> None:
        key = (hook.service_id, hook.client_id)
        await self._look_once_more(key)
        await self._lifecycle.close(key)

    async def _look_once_more(self, key: ClientKey) -> None:
        """Before a session is over that nobody saw live: what it left on the disk shows that it was."""
        session = self._lifecycle.book.open_of(key)
        if session is not None and session.state == "admitted":
            with suppress(SpoolError):  # what can't be linked now is looked for again
                await self._linker.adopt(session)

    async def _still_publishes(self, session: Session) -> bool:
        """A client that published more than once: whether this unpublish can only belong to an earlier publish."""
        try:
            look = await self._media.look(timeout_s=0.5)
        except MediaServerError:
            # Its silence says nothing. If it was the last word, the next look that is answered shows that.
            return True
        publisher = look.of(session.stream)
        return publisher is not None and publisher.cid == session.client_id and look.service_id == session.service_id
