"""The `/edge/v1` calls."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from chalicelib.wire.base import Message
from chalicelib.wire.edge.desired import SyncResponse
from chalicelib.wire.edge.enrolment import EnrollRequest, EnrollResponse
from chalicelib.wire.edge.events import EventBatchResponse
from chalicelib.wire.edge.observed import SyncRequest
from chalicelib.wire.edge.publish import PublishRequest, PublishResponse
from chalicelib.wire.questions import AuthorizeRequest, AuthorizeResponse, QuestionResult
from chalicelib.wire.secrets import AcceptedSecret
from chalicelib.wire.uploads import UploadsRequest, UploadsResponse
from edge import AGENT_VERSION
from edge.base.bounded import Answer, CallFailedError, call
from edge.base.errors import CloudError, CloudRejectedError, CloudUnreachableError, NotEnrolledError
from edge.base.log import Log
from edge.cloud.identity import Identity
from edge.config import SettingsSource

log = Log("cloud")
M = TypeVar("M", bound=Message)
RE_ENROLL_EVERY_S = 15.0

MAX_SNAPSHOT: Final = 64 * 1024 * 1024
"""Half a million rooms."""
_SECRETS: Final = TypeAdapter(list[AcceptedSecret])

TOKEN_AGAIN_S: Final = 30.0
"""A token that the cloud does not know is tried again after so long."""


class Cloud:
    """The cloud as the agent sees it. Every call is bounded in time and size, and enrols first where that is needed."""

    def __init__(self, settings: SettingsSource, identity: Identity, http: httpx.AsyncClient) -> None:
        self._settings, self._identity, self._http = settings, identity, http
        self._enrolling = asyncio.Lock()
        self._refused_token, self._refused_at = "", 0.0
        self.reachable = False
        """Whether the last call was answered."""
        self.turned_away = False
        """Whether the cloud answered last that it does not know this node (any more)."""
        self.revoked = False
        """Whether it said that the node was revoked: nobody waits for this node any more."""
        self.on_recovery: Callable[[], None] = lambda: None

    async def publish(self, request: PublishRequest, timeout_s: float) -> PublishResponse:
        """Ask whether a client may publish.

        Raises:
            CloudError: no decision.
        """
        return await self._call("publish", request.model_dump_json().encode(), PublishResponse, timeout_s)

    async def events(
        self, events: list[dict[str, object]], acked_seq: int, sent_at: datetime, timeout_s: float = 15.0
    ) -> EventBatchResponse:
        """Deliver a batch. `acked_seq`: how far the cloud has acknowledged events, as this node remembers it;
        `sent_at`: now, by the clock that the events were told by.

        Raises:
            CloudError: not delivered, or not known whether.
        """
        body = json.dumps(
            {"version": 1, "events": events, "acked_seq": acked_seq, "sent_at": sent_at.isoformat()}
        ).encode()
        return await self._call("events", body, EventBatchResponse, timeout_s)

    async def sync(self, request: SyncRequest, timeout_s: float = 15.0) -> SyncResponse:
        """Tell what is observed, get what is desired.

        Raises:
            CloudError: no answer.
        """
        return await self._call("sync", request.model_dump_json().encode(), SyncResponse, timeout_s)

    async def accepted_secrets(self, url: str, timeout_s: float = 30.0) -> list[AcceptedSecret]:
        """The accepted secrets of a snapshot, from where the cloud says that they lie.

        Raises:
            CloudError: they are not there, or can't be read.
        """
        try:
            answer = await call(self._http, "GET", url, timeout_s=timeout_s, max_answer=MAX_SNAPSHOT)
        except CallFailedError as error:
            raise CloudUnreachableError(f"the snapshot: {error}") from error
        if answer.status != 200:
            raise CloudError(f"the snapshot: status {answer.status}")
        try:
            return _SECRETS.validate_json(answer.body)
        except ValidationError as error:
            raise CloudError("the snapshot is none") from error

    async def result(self, question: str, result: QuestionResult, timeout_s: float) -> None:
        """Answer a question.

        Raises:
            CloudError: not delivered, or nobody waits for it any more.
        """
        await self._call(f"results/{question}", result.model_dump_json().encode(), Message, timeout_s)

    async def authorize(self, request: AuthorizeRequest, timeout_s: float) -> AuthorizeResponse:
        """Ask who a caller of this node is.

        Raises:
            CloudError: no answer.
        """
        return await self._call("authorize", request.model_dump_json().encode(), AuthorizeResponse, timeout_s)

    async def uploads(self, request: UploadsRequest, timeout_s: float) -> UploadsResponse:
        """Ask where objects may be put.

        Raises:
            CloudError: no answer, or none is to be put anywhere.
        """
        return await self._call("uploads", request.model_dump_json().encode(), UploadsResponse, timeout_s)

    async def send(
        self,
        method: str,
        path: str,
        timeout_s: float,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call below `/edge/v1/` whose bodies are none of our messages. Does not enrol.

        Raises:
            CloudError: no answer, or not a good one.
        """
        url = f"{self._settings().current_cloud_url()}/edge/v1/{path}"
        sent = {**(headers or {}), "Authorization": f"Bearer {self._identity.token}"}
        name = path.partition("/")[0]
        try:
            got = await call(self._http, method, url, timeout_s=timeout_s, content=content, headers=sent)
        except CallFailedError as error:
            raise CloudUnreachableError(f"{name}: {error}") from error
        if got.status >= 400:
            raise _error(name, got.status)
        return got

    async def enroll(self) -> None:
        """Get a node token for the join token.

        Raises:
            CloudError: not enrolled.
        """
        settings = self._settings()
        join_token = settings.current_join_token()
        if not join_token:
            raise NotEnrolledError("no node token, and no join token to get one with")
        try:
            request = EnrollRequest(
                join_token=join_token,
                nonce=self._identity.nonce,
                name=settings.node_name,
                agent_version=AGENT_VERSION,
            )
        except ValidationError:
            raise NotEnrolledError("the join token is not one: it has 16 to 200 characters") from None
        answer = await self._post("enroll", request.model_dump_json().encode(), "", 15.0, EnrollResponse)
        self._identity.enrolled(answer.node, answer.token)
        self._refused_token = ""
        log.info("cloud.enrolled", node=answer.node)

    def renew(self, token: str) -> None:
        """Use a new token from now on; the cloud ends the old one when it sees the new."""
        try:
            self._identity.renewed(token)
        except OSError as error:
            log.warning("cloud.token_not_kept", error=type(error).__name__)  # the next sync brings another
            return
        log.info("cloud.token_renewed")

    async def _call(self, path: str, body: bytes, answer: type[M], timeout_s: float) -> M:
        token = self._identity.token
        if not token or self._is_refused(token):
            async with self._enrolling:
                if not self._identity.token or self._is_refused(self._identity.token):
                    await self.enroll()
            token = self._identity.token
        try:
            return await self._post(path, body, token, timeout_s, answer)
        except NotEnrolledError:
            # The next call enrols again; this one fails as if the cloud were out of reach.
            self._refused_token, self._refused_at = token, time.monotonic()
            raise

    def _is_refused(self, token: str) -> bool:
        """Whether the cloud said lately that it does not know the token. It may have been mistaken, or restored since,
        so that the token is tried again now and then.
        """
        return token == self._refused_token and time.monotonic() - self._refused_at < TOKEN_AGAIN_S

    async def _post(self, path: str, body: bytes, token: str, timeout_s: float, answer: type[M]) -> M:
        url = f"{self._settings().current_cloud_url()}/edge/v1/{path}"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            got = await call(self._http, "POST", url, timeout_s=timeout_s, content=body, headers=headers)
            if got.status >= 400:
                self._refused(got.status, got.body)
                raise _error(path, got.status)
            parsed = answer.model_validate_json(got.body)
        except CallFailedError as error:
            self._seen(reachable=False)
            raise CloudUnreachableError(f"{path}: {error}") from error
        except ValidationError:
            self._seen(reachable=False)
            raise CloudUnreachableError(f"{path}: the answer is not understood") from None
        except CloudUnreachableError:
            self._seen(reachable=False)
            raise
        self._seen(reachable=True)
        self.turned_away = self.revoked = False
        return parsed

    def _refused(self, status: int, body: bytes) -> None:
        """The cloud is there, and does not want this node; unless it is something in between that says so."""
        if status not in (401, 403) or not _is_ours(body):
            return
        if not self.turned_away:
            log.warning("cloud.turned_away", status=status)
        self.turned_away, self.revoked = True, status == 403

    def _seen(self, *, reachable: bool) -> None:
        recovered = reachable and not self.reachable
        if reachable != self.reachable:
            self.reachable = reachable
            (log.info if reachable else log.warning)("cloud.reachable" if reachable else "cloud.out_of_reach")
        if recovered:
            self.on_recovery()


def _is_ours(body: bytes) -> bool:
    """Whether an answer is a problem as the cloud tells it, with a code."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and isinstance(told.get("code"), str)


def _error(path: str, status: int) -> CloudError:
    if status == 401:
        return NotEnrolledError(f"{path}: the cloud does not know this node's token")
    if status == 429 or status >= 500:
        return CloudUnreachableError(f"{path}: status {status}")
    return CloudRejectedError(f"{path}: status {status}", status)
