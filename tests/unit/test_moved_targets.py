"""A destination that gets another target while it is pushed: the same lease goes on, and the target of before is nobody
else's until its FFmpeg is gone (D6; two pushes to one target never are).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination, Lease, NodeLease
from chalicelib.ports.store import Save
from chalicelib.wire.edge.events import PushState
from tests.fakes import MemoryStore
from tests.unit.cloud_rig import Cloud

OLD, NEW, THIRD = "rtmp://h/a/old", "rtmp://h/a/new", "rtmp://h/a/third"


class Pushed:
    """A live stream and its destination; `worker` is what the node's FFmpeg runs by."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self.session = self.cloud.go_live()
        self.made = self.add("d", OLD)
        self.worker = {"destination": self.made, "session": self.session, "fence": 1, "state": "running"}

    def add(self, name: str, url: str) -> str:
        made: Destination = self.cloud.targets.add(
            name=name, url=url, platform="custom", streams=["/live/*"], enabled=True
        )
        self.cloud.run_stream()
        return made.id

    def to(self, url: str) -> None:
        self.cloud.targets.change(self.made, {"url": url}, None)
        self.cloud.run_stream()

    def desired(self, edition: int = 0) -> dict[str, Any]:
        """What the node is to push, by destination, when its FFmpeg runs by this edition."""
        found = self.cloud.sync(pushes=[{**self.worker, "edition": edition}]).desired.pushes
        return {p.destination: p for p in found}


@pytest.fixture
def pushed() -> Pushed:
    return Pushed()


def test_it_goes_on_under_the_same_lease(pushed: Pushed) -> None:
    pushed.to(NEW)
    push = pushed.desired()[pushed.made]
    assert (push.url, push.fence, push.edition) == (NEW, 1, 1)


def test_the_old_target_is_free_only_when_its_ffmpeg_is_gone(pushed: Pushed) -> None:
    pushed.to(NEW)
    other = pushed.add("other", OLD)
    assert other not in pushed.desired(edition=0)
    assert other not in pushed.desired(edition=0)
    pushed.desired(edition=1)
    assert pushed.desired(edition=1)[other].url == OLD


def test_all_that_were_left_on_the_way_are_free_at_the_end(pushed: Pushed) -> None:
    pushed.to(NEW)
    pushed.to(THIRD)
    others = [pushed.add("one", OLD), pushed.add("two", NEW)]
    assert not set(others) & set(pushed.desired(edition=1))  # the second FFmpeg is one that was wanted in between
    pushed.desired(edition=2)
    assert set(others) <= set(pushed.desired(edition=2))


def test_back_to_where_it_was_it_holds_that_and_no_more(pushed: Pushed) -> None:
    pushed.to(NEW)
    pushed.to(OLD)
    pushed.desired(edition=2)
    other = pushed.add("other", NEW)
    found = pushed.desired(edition=2)
    assert (found[pushed.made].url, found[other].url) == (OLD, NEW)


def test_what_stops_on_the_way_holds_nothing(pushed: Pushed) -> None:
    pushed.to(NEW)
    pushed.cloud.targets.change(pushed.made, {"enabled": False}, None)
    others = [pushed.add("one", OLD), pushed.add("two", NEW)]
    assert not set(others) & set(pushed.desired())
    event = pushed.cloud.event(pushed.session, PushState(destination=pushed.made, fence=1, state="stopped"))
    pushed.cloud.send(event)
    assert set(others) <= set(pushed.desired())
    lease = pushed.cloud.store.get(Lease, pushed.made)
    assert lease is not None
    assert (lease.held, lease.leaving) == (False, [])


def test_a_target_that_is_still_left_by_somebody_is_waited_for(pushed: Pushed) -> None:
    """It stops, says so, and gets it when it is free."""
    pushed.to(NEW)
    second = pushed.add("second", THIRD)
    pushed.cloud.targets.change(second, {"url": OLD}, None)
    pushed.cloud.run_stream()
    assert second not in pushed.desired(edition=0)
    pushed.desired(edition=1)
    assert pushed.desired(edition=1)[second].url == OLD


def test_a_sync_that_reads_while_it_is_edited_stops_nothing(pushed: Pushed) -> None:
    """The leases were read before the edit, the destinations after it."""
    real = pushed.cloud.store

    class EditedMeanwhile(MemoryStore):
        """The store, in which the edit comes between two reads."""

        def __init__(self) -> None:
            self.__dict__.update(real.__dict__)
            self.edited = False

        def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
            if not self.edited and any(kind is Destination for kind, _ in keys):
                self.edited = True
                pushed.cloud.targets.change(pushed.made, {"url": NEW}, None)
            return super().get_many(keys)

    pushed.cloud.pushes._store = EditedMeanwhile()
    push = pushed.desired()[pushed.made]
    assert (push.url, push.fence, push.edition) == (NEW, 1, 1)


def test_a_lease_of_an_earlier_version_goes_on(pushed: Pushed) -> None:
    pointer = pushed.cloud.store.get(NodeLease, pushed.cloud.node, pushed.made)
    assert pointer is not None
    pushed.cloud.store.commit(Save(pointer.model_copy(update={"target": ""})))
    assert pushed.desired()[pushed.made].url == OLD
