"""The admission snapshot: decides while the cloud does not answer, for as long as it was confirmed lately."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from chalicelib.wire.edge.desired import AdmissionSnapshot
from chalicelib.wire.masking import MASK
from chalicelib.wire.names import StreamName
from chalicelib.wire.secrets import keyed_hash, parts_of, snapshot_accepts
from edge.base.clock import Clock
from edge.spool import tables
from edge.spool.writer import Spool

KEY = "snapshot"
REDACTED = "redacted"


class Snapshot:
    """The newest snapshot and when a sync last confirmed it; survives a restart."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self._spool, self._clock = spool, clock
        self._snapshot: AdmissionSnapshot | None = None
        self._confirmed_at: datetime | None = None
        self._confirmed_monotonic: float | None = None
        self.on_play: Callable[[], None] = lambda: None
        """Told when it changes whether viewers need a link."""
        self._load()

    @property
    def revision(self) -> str:
        """'' when there is none."""
        return self._snapshot.revision if self._snapshot else ""

    @property
    def asks_callback(self) -> bool | None:
        """Whether a decision takes a callback of the user; None when that is not known."""
        return None if self._snapshot is None else self._snapshot.callback != "none"

    @property
    def play_key(self) -> str:
        """With what play links are checked; '' while everybody may watch. It does not age: who may watch stays so
        while the cloud is out of reach.
        """
        return self._snapshot.play_key if self._snapshot else ""

    async def confirm(self, snapshot: AdmissionSnapshot | None) -> None:
        """A sync brought a new snapshot, or said that the present one holds."""
        before = self.play_key
        self._snapshot = snapshot or self._snapshot
        if self.play_key != before:
            self.on_play()
        self._confirmed_at, self._confirmed_monotonic = self._clock.now(), self._clock.monotonic()
        if self._snapshot is not None:
            value = json.dumps({"at": self._confirmed_at.isoformat(), "snapshot": self._snapshot.model_dump()})
            await self._spool.submit(lambda db: tables.put_value(db, KEY, value))

    def decide(self, name: StreamName, param: str, *, own: bool = False) -> str | None:
        """None: may publish. Otherwise why not, for a log. `own`: a worker of ours, which needs no secret."""
        snapshot = self._snapshot
        if own and (snapshot is None or snapshot.callback != "deny"):
            return None
        if snapshot is None:
            return "the cloud does not answer and there is no snapshot"
        if self.age_s() > snapshot.valid_s:
            return "the cloud does not answer and the snapshot is too old"
        if not own and snapshot.draining:
            return "this edge is being drained: it takes no new streams"
        if not own and not _accepts(snapshot, name, param):
            return "no accepted secret"
        return "the callback cannot be asked" if snapshot.callback == "deny" else None

    def knows(self, name: StreamName, param: str) -> bool:
        """Whether a publish shows a secret that was accepted when the cloud was last heard, or needed none."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.draining or self.age_s() > snapshot.valid_s:
            return False
        return _accepts(snapshot, name, param)

    def age_s(self) -> float:
        """Seconds since the last confirmation; within one run by a clock that cannot be set."""
        if self._confirmed_monotonic is not None:
            return self._clock.monotonic() - self._confirmed_monotonic
        if self._confirmed_at is None:
            return float("inf")
        # A clock that was set back must not lengthen its life.
        return abs((self._clock.now() - self._confirmed_at).total_seconds())

    def public_name(self, name: StreamName) -> StreamName:
        """The name without a secret in it, as far as the snapshot can tell; for what leaves the node for
        places where no secret may be.
        """
        snapshot = self._snapshot
        for entry in snapshot.accepted if snapshot else []:
            if snapshot is None or entry.stream not in {None, name.stream}:
                continue
            for part in parts_of(name.stream, entry.length):
                if hmac.compare_digest(keyed_hash(snapshot.key, part), entry.hash):
                    return name.model_copy(update={"stream": name.stream.replace(part, "") or REDACTED})
        return name

    def masked(self, text: str) -> str:
        """A text that need be no name, with the secrets in it masked that the snapshot knows."""
        snapshot = self._snapshot
        for entry in snapshot.accepted if snapshot else []:
            if snapshot is None or (entry.stream is not None and entry.stream not in text):
                continue
            for part in parts_of(text, entry.length):
                if hmac.compare_digest(keyed_hash(snapshot.key, part), entry.hash):
                    text = text.replace(part, MASK)
                    break
        return text

    def _load(self) -> None:
        text = self._spool.run(lambda db: tables.get_value(db, KEY))
        if text is None:
            return
        try:
            data = json.loads(text)
            self._snapshot = AdmissionSnapshot.model_validate(data["snapshot"])
            self._confirmed_at = datetime.fromisoformat(data["at"])
        except (ValueError, KeyError, TypeError, ValidationError):
            self._snapshot = None


def _accepts(snapshot: AdmissionSnapshot, name: StreamName, param: str) -> bool:
    return not snapshot.auth or snapshot_accepts(snapshot.key, snapshot.accepted, name.stream, param)
