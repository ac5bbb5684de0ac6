"""A publisher is at the gate: may it, and what then?"""

from __future__ import annotations

import json
from typing import Final, cast

from chalicelib.domain import admission, callbacks, ids, redact
from chalicelib.domain.errors import NotFoundError, UnavailableError
from chalicelib.domain.model.account import Credential
from chalicelib.domain.model.callbacks import AskedCallback, CallbackSettings
from chalicelib.domain.model.nodes import Drained
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.sessions import LiveCount, StreamTail
from chalicelib.domain.model.settings import LimitSettings, PublishSettings, RecordSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Put, Store
from chalicelib.services.account.auth import Auth, bearer
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.log import CallbackLog
from chalicelib.services.callbacks.webhooks import Webhooks
from chalicelib.services.publishing.counting import LiveCounts
from chalicelib.wire.edge.publish import OutgoingCallback, PublishRequest, PublishResponse

DRAINING: Final = "this edge is being drained: it takes no new streams; publish to another one, or resume it"


class Publish:
    """Decides publishes with one read of the table."""

    def __init__(
        self, store: Store, settings: Settings, auth: Auth, webhooks: Webhooks, log: CallbackLog, clock: Clock
    ) -> None:
        self._store = store
        self._settings = settings
        self._auth = auth
        self._webhooks = webhooks
        self._log = log
        self._clock = clock
        self._counts = LiveCounts(store, clock)

    def decide(self, authorization: str | None, request: PublishRequest) -> PublishResponse:
        """Decide. Nothing is written of the session, which begins with the event that the edge sends.

        Raises:
            UnauthenticatedError: the node's token is not valid.
        """
        token = ids.token_hash(bearer(authorization))
        found = self._store.get_many(
            [
                (Credential, (token,)),
                (PublishSettings, ()),
                (RecordSettings, ()),
                (CallbackSettings, ()),
                (StreamTail, (str(request.stream),)),
                (RoomSecret, (request.stream.stream,)),
                (LimitSettings, ()),
                (Drained, ()),
                (LiveCount, ()),
            ]
        )
        node = self._auth.node_of_credential(cast("Credential | None", found[0]))
        publish = cast("PublishSettings", found[1] or self._settings.default(PublishSettings))
        record = cast("RecordSettings", found[2] or self._settings.default(RecordSettings))
        target = cast("CallbackSettings", found[3] or self._settings.default(CallbackSettings))
        room = cast("RoomSecret | None", found[5])
        decision = admission.decide(publish, room, request.stream, request.param, own=request.own)
        if not decision.allowed:
            return PublishResponse(decision="deny", reason=decision.reason, code=decision.code)
        if not request.own and node in cast("Drained", found[7] or Drained()).nodes:
            return PublishResponse(decision="deny", reason=DRAINING, code="node_draining")
        limits = cast("LimitSettings | None", found[6])
        count = cast("LiveCount | None", found[8])
        if limits is not None and (refusal := self._over(limits, request.session, count)):
            return PublishResponse(decision="deny", reason=refusal, code="limit")
        tail = cast("StreamTail | None", found[4])
        plan = admission.plan(request.session, request.stream, record, tail, self._clock())
        if target.active and target.sent_by == "edge" and target.node == node:
            callback = self._callback(target, request, publish.secret)
            # Only who was asked may tell the answer.
            fields = {"node": node, "id": callback.id, "session": request.session, "target": target.target}
            self._store.commit(Put(AskedCallback.model_validate(fields | {"at": self._clock()})))
            return PublishResponse(
                decision="ask_callback", reason=decision.reason, how=decision.how, plan=plan, callback=callback
            )
        if target.active and (no := self._ask(target, request, publish.secret)):
            return no
        return PublishResponse(decision="allow", reason=decision.reason, how=decision.how, plan=plan)

    def _over(self, limits: LimitSettings, session: str, count: LiveCount | None) -> str:
        """Why no further stream may begin, or ''. Counts only when there is a limit."""
        return "" if limits.max_streams is None else self._counts.take(limits, session, count)

    def _callback(self, target: CallbackSettings, request: PublishRequest, secret: str) -> OutgoingCallback:
        """The user's callback, for the node to send; what comes of it is told by an event."""
        request_id = ids.derived_ulid(request.at, f"on_publish:{request.session}")
        shown = redact.stream_name(request.stream, [secret])
        body = json.dumps(callbacks.publish_payload(request_id, target, shown, request.param))
        return OutgoingCallback(
            url=target.target,
            body=body,
            headers=self._webhooks.headers(request_id, body.encode()),
            timeout_s=callbacks.PUBLISH_TIMEOUT_S,
            id=request_id,
            verify_tls=target.verify_tls,
        )

    def _ask(self, target: CallbackSettings, request: PublishRequest, secret: str) -> PublishResponse | None:
        """The user's callback refused the publish, or did not answer; None when it agreed."""
        request_id = ids.derived_ulid(request.at, f"on_publish:{request.session}")
        # A secret may be in `param`, which the user's own rules rely on, and nowhere else.
        shown = redact.stream_name(request.stream, [secret])
        body = callbacks.publish_payload(request_id, target, shown, request.param)
        try:
            answer = self._webhooks.send(target, request_id, json.dumps(body).encode())
        except (UnavailableError, NotFoundError) as error:
            answer = Answer(None, b"", f"the node that sends callbacks is away: {error}", 0, "other")
        self._log.answered(request_id, body, answer, redact.callback_url(target.target))
        if callbacks.is_yes(answer.status, answer.body):
            return None
        if answer.status is None:
            reason = f"the publish callback was not answered: {answer.error}"
            return PublishResponse(decision="deny", reason=reason, code="callback_unanswered")
        reason = f"the publish callback refused: status {answer.status}"
        return PublishResponse(decision="deny", reason=reason, code="callback_refused")
