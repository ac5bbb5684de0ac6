"""An installation and its owner, on fakes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.sources import Source
from chalicelib.ports.store import Save
from chalicelib.services.account.login import Login
from chalicelib.services.account.settings import Settings
from chalicelib.services.backup import Backup
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.publishing.limits import Limits
from chalicelib.services.publishing.rooms import Rooms
from chalicelib.services.pushing.destinations import Destinations
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.pushing.slots import Slots
from chalicelib.wire.names import StreamName
from tests.fakes import BOOTSTRAP, FakeClock, FakeFolders, FakeNudger, MemoryStore

STREAM = StreamName(app="live", stream="x")
SLOT = {
    "platform": "forwarding-4-x",
    "stream": "",
    "server": "rtmp://h/a",
    "secret": "k",
    "enabled": True,
    "custom": True,
    "label": "L",
}


class Owner:
    """The services that an owner's decisions go through."""

    def __init__(self) -> None:
        self.store, self.clock, self.nudger = MemoryStore(), FakeClock(), FakeNudger()
        self.pauses: list[float] = []
        self.settings = Settings(self.store, lambda: BOOTSTRAP, FakeFolders())
        self.pushes = Pushes(self.store, self.nudger, self.clock)
        self.rooms = Rooms(self.store, self.clock)
        self.slots = Slots(self.store, self.clock)
        self.login = Login(self.store, lambda: BOOTSTRAP, self.clock, lambda: "m" * 64)
        self.limits = Limits(self.store, Overview(self.store, self.clock), self.pushes, self.clock)
        questions = Questions(self.store, self.nudger, self.clock, self.pauses.append)
        self.targets = Destinations(self.store, self.pushes, questions, self.clock)
        self.backup = Backup(self.store, self.settings, self.rooms, self.pushes, self.clock)


# one target, one push (D2)


def add_target(owner: Owner, name: str, url: str, *, enabled: bool = True) -> Destination:
    return owner.targets.add(name=name, url=url, platform="custom", streams=[], enabled=enabled)


def _source(owner: Owner, name: str, url: str, **more: Any) -> Source:
    now = owner.clock()
    source = Source(id=name, kind="transcode", name=name, url=url, created_at=now, updated_at=now, **more)
    owner.store.commit(Save(source))
    return source


def session(name: str, minutes: int, clock: FakeClock) -> Session:
    since = clock() - timedelta(minutes=minutes)
    return Session(id=name, node="n1", stream=STREAM, state="live", admitted_at=since, live_at=since)
