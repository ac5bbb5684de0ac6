"""Long-polls for nudges, at the node's own queue or at the cloud's host: one means "sync now"."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import httpx

from chalicelib.wire.edge.desired import StoreCredentials
from edge.base.bounded import CallFailedError, call
from edge.base.clock import Backoff
from edge.base.errors import CloudError
from edge.base.log import Log
from edge.base.loops import beat, pause
from edge.cloud.client import Cloud
from edge.cloud.credentials import Credentials

log = Log("nudges")
WAIT_S: Final = 20
HOST_WAIT_S: Final = 25.0
"""So long the host holds a poll."""
_EXPIRED: Final = (b"ExpiredToken", b"InvalidClientTokenId", b"UnrecognizedClient", b"InvalidAccessKeyId")


class Nudges:
    """Waits for nudges. Without it everything still works, only as slowly as the plain sync."""

    def __init__(
        self, credentials: Credentials, cloud: Cloud, http: httpx.AsyncClient, nudge: Callable[[], None]
    ) -> None:
        self._credentials, self._cloud, self._http, self._nudge = credentials, cloud, http, nudge
        self._backoff = Backoff(1.0, 60.0)

    async def run(self) -> None:
        """Poll forever."""
        while True:
            credentials = await self._credentials.get()
            if not credentials.queue_url and credentials.kind == "s3":
                await pause(30.0)
                continue
            beat(max(WAIT_S, HOST_WAIT_S) + 10.0)
            try:
                await (self._poll(credentials) if credentials.queue_url else self._wait_at_host())
                self._backoff.reset()
            except (CallFailedError, CloudError) as error:
                log.limited("nudges.failed", every_s=60.0, error=str(error))
                await pause(1.0 + self._backoff.next())

    async def _wait_at_host(self) -> None:
        answer = await self._cloud.send("GET", "nudge", HOST_WAIT_S + 10.0)
        if b"true" in answer.body:
            self._nudge()

    async def _poll(self, credentials: StoreCredentials) -> None:
        answer = await self._sqs(
            credentials, "ReceiveMessage", {"MaxNumberOfMessages": 10, "WaitTimeSeconds": WAIT_S}, WAIT_S + 10.0
        )
        messages = answer.get("Messages") or []
        if not messages:
            return
        self._nudge()
        # One by one: the emulator of the tests wants a permission of its own for the batch, which IAM does not know.
        for message in messages:
            await self._sqs(credentials, "DeleteMessage", {"ReceiptHandle": message.get("ReceiptHandle", "")}, 10.0)

    async def _sqs(self, c: StoreCredentials, action: str, body: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        from edge.cloud.signing import sign_sqs  # botocore takes 5 MB, which an agent without a queue never needs

        data = json.dumps({"QueueUrl": c.queue_url, **body}).encode()
        url = c.sqs_endpoint or f"https://sqs.{c.region}.amazonaws.com"
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"}
        signed = sign_sqs(c, url.rstrip("/") + "/", headers, data)
        answer = await call(
            self._http, "POST", url.rstrip("/") + "/", timeout_s=timeout_s, content=data, headers=signed
        )
        if answer.status != 200:
            if any(code in answer.body for code in _EXPIRED):
                self._credentials.refuse(c)
                self._nudge()
            raise CallFailedError(f"{action}: status {answer.status}")
        try:
            parsed = json.loads(answer.body or b"{}")
        except ValueError as error:
            raise CallFailedError(f"{action}: not JSON") from error
        return parsed if isinstance(parsed, dict) else {}
