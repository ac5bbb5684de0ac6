"""The one transcode that clients of the compatible API know: a source of ours that follows what was published last."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from chalicelib.domain import targets
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.sources import Source, SourceLease, SourceStatus
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.pushing.holds import refuse_taken
from chalicelib.services.pushing.numbers import fresh
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.sources import Encoding

ID: Final = "transcode"
ZERO: Final[dict[str, Any]] = {
    "all": False,
    "vcodec": "",
    "acodec": "",
    "vbitrate": 0,
    "abitrate": 0,
    "achannels": 0,
    "vprofile": "",
    "vpreset": "",
    "server": "",
    "secret": "",
}


@dataclass(frozen=True, slots=True)
class TranscodeTask:
    """What becomes of the transcode. `status` and `input` are there while a worker runs."""

    uuid: str
    enabled: bool
    output: str = ""
    input: str = ""
    status: SourceStatus | None = None


class Transcodes:
    """Sets and shows it."""

    def __init__(self, store: Store, leases: SourceLeases, clock: Clock) -> None:
        self._store = store
        self._leases = leases
        self._clock = clock

    def query(self) -> dict[str, Any]:
        """What was applied last; zero values when nothing ever was."""
        source = self._store.get(Source, ID)
        kept = (source.slot or {}) if source else {}
        return ZERO | {k: v for k, v in kept.items() if k in ZERO}

    def apply(self, config: dict[str, Any]) -> None:
        """Replace all of it. One that is switched off may hold anything; one that is on must be able to run.

        Raises:
            InvalidInputError: a value is none that may be used.
            ConflictError: a destination has the target.
        """
        known = self._store.get(Source, ID)
        now = self._clock()
        base = known or Source(id=ID, kind="transcode", name="Transcode", created_at=now, updated_at=now)
        encoding, url = _encoding(config), ""
        if config["all"] or config["server"]:
            url = targets.join_target(config["server"], config["secret"])
        task = (base.slot or {}).get("uuid") or str(uuid.uuid4())
        changes = {"enabled": config["all"], "encoding": encoding, "url": url, "slot": config | {"uuid": task}}
        new = base.model_copy(update=changes | {"updated_at": now})
        refuse_taken(self._store, new)
        self._store.commit(Save(new))

    def task(self) -> TranscodeTask:
        """What it is doing."""
        source = self._store.get(Source, ID)
        if source is None:
            return TranscodeTask(str(uuid.UUID(int=0)), enabled=False)
        found = str((source.slot or {}).get("uuid", ""))
        lease, status = self._store.get_many([(SourceLease, (ID,)), (SourceStatus, (ID,))])
        if not source.enabled or not isinstance(lease, SourceLease) or not lease.held:
            return TranscodeTask(found, source.enabled)
        current = isinstance(status, SourceStatus) and status.fence == lease.fence
        if not isinstance(status, SourceStatus) or not current or status.state not in ("starting", "running"):
            return TranscodeTask(found, source.enabled)
        session = self._store.get(Session, lease.node, lease.session) if lease.session else None
        name = f"rtmp://localhost/{session.stream.app}/{session.stream.stream}" if session else ""
        (shown,) = fresh(self._store, [status])
        return TranscodeTask(found, source.enabled, source.url, name, shown)


def _encoding(config: dict[str, Any]) -> Encoding | None:
    """The encoding, from what may be used and nothing else.

    Raises:
        InvalidInputError: the transcode is on and a value is none of those.
    """
    names = ("vcodec", "vprofile", "vpreset", "vbitrate", "acodec", "abitrate", "achannels")
    try:
        return Encoding.model_validate({n: config[n] for n in names})
    except ValidationError as error:
        if not config["all"] and not any(config[n] for n in names):
            return None  # never set, and off
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInputError(
            str(first["loc"][0]), f"cannot be used: {first['msg']}", code=str(first["type"])
        ) from None
