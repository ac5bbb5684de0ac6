"""What Bilibili tells of a video, for the one page of a compatible client that shows it."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import urlencode

from chalicelib.domain.errors import InvalidInputError, UpstreamError
from chalicelib.domain.model.sources import VideoInfo
from chalicelib.ports.clock import Clock
from chalicelib.ports.sending import Sender
from chalicelib.ports.store import Put, Store

API: Final = "https://api.bilibili.com/x/web-interface/view"
TIMEOUT_S: Final = 5.0
_BVID: Final = re.compile(r"[A-Za-z0-9]{1,32}")


class Bilibili:
    """Asks the public API, through the guarded client, and keeps each answer for a day."""

    def __init__(self, store: Store, sender: Sender, clock: Clock) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock

    def video(self, bvid: str) -> Any:
        """The `data` object of a video; None when Bilibili gives none.

        Raises:
            InvalidInputError: it is no id of a video.
            UpstreamError: Bilibili did not answer, or not with JSON.
        """
        if not _BVID.fullmatch(bvid):
            raise InvalidInputError("bvid", "must be the id of a video, such as BV1844y1L7dL")
        kept = self._store.get(VideoInfo, bvid)
        if kept is not None:
            return json.loads(kept.data)
        answer = self._sender.get(f"{API}?{urlencode({'bvid': bvid})}", TIMEOUT_S)
        if answer.status != 200:
            raise UpstreamError(f"Bilibili did not tell: {answer.error or f'status {answer.status}'}")
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise UpstreamError("Bilibili did not tell: its answer is not JSON") from None
        data = said.get("data") if isinstance(said, dict) else None
        if not isinstance(data, dict):
            return None
        self._store.commit(Put(VideoInfo(bvid=bvid, fetched_at=self._clock(), data=json.dumps(data))))
        return data
