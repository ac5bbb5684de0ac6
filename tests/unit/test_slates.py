"""A destination with a slate keeps its lease while its source is away, and lets go when it should."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.errors import InvalidInputError, UnavailableError
from chalicelib.domain.model.destinations import Lease
from chalicelib.domain.model.nodes import OpenQuestion
from chalicelib.services.publishing.rooms import Rooms
from chalicelib.wire.edge.events import PushState, SessionEnded
from chalicelib.wire.questions import QuestionResult
from tests.unit.cloud_rig import Cloud, another_node

URL = "rtmp://a.example.com/live/key"


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def add(cloud: Cloud, url: str = URL, **slate: Any) -> str:
    added = cloud.targets.add(
        name="T", url=url, platform="custom", streams=[], enabled=True, slate={"enabled": True} | slate
    )
    cloud.run_stream()
    return added.id


def lease(cloud: Cloud, destination: str) -> Lease:
    found = cloud.store.get(Lease, destination)
    assert found is not None
    return found


def pushes(cloud: Cloud) -> list[Any]:
    return list(cloud.sync().desired.pushes)


def end(cloud: Cloud, session: str) -> None:
    cloud.send(cloud.event(session, SessionEnded()))


def test_before_the_first_session_there_is_nothing_to_keep_alive(cloud: Cloud) -> None:
    add(cloud)
    assert pushes(cloud) == []


def test_the_push_goes_on_with_the_slate_and_then_with_the_next_session(cloud: Cloud) -> None:
    destination = add(cloud, minutes=10)
    first = cloud.go_live(1)
    (push,) = pushes(cloud)
    assert (push.session, push.fence, push.slate.file) == (first, 1, "")
    end(cloud, first)
    cloud.clock.pass_(minutes=9)
    (kept,) = pushes(cloud)
    assert (kept.session, kept.fence) == (first, 1)
    second = cloud.go_live(2)
    (push,) = pushes(cloud)
    assert (push.session, push.fence) == (second, 1), "the same grant, so that the same worker goes on"
    assert lease(cloud, destination).session == second


def test_the_slate_ends_when_its_time_is_over(cloud: Cloud) -> None:
    destination = add(cloud, minutes=10)
    end(cloud, cloud.go_live())
    cloud.clock.pass_(minutes=10)
    assert pushes(cloud) == []
    assert not lease(cloud, destination).held


def test_without_a_slate_a_push_ends_with_its_session(cloud: Cloud) -> None:
    destination = add(cloud, enabled=False)
    end(cloud, cloud.go_live())
    assert pushes(cloud) == []
    assert not lease(cloud, destination).held


@pytest.mark.parametrize("change", [{"enabled": False}, {"streams": ["/other/*"]}, {"slate": {"enabled": False}}])
def test_the_owner_ends_it(cloud: Cloud, change: dict[str, Any]) -> None:
    destination = add(cloud)
    end(cloud, cloud.go_live())
    assert len(pushes(cloud)) == 1
    cloud.targets.change(destination, change, None)
    cloud.run_stream()
    assert pushes(cloud) == []


def test_a_session_on_another_node_gets_the_destination_once_the_slate_has_stopped(cloud: Cloud) -> None:
    destination = add(cloud)
    end(cloud, cloud.go_live(1))
    (kept,) = pushes(cloud)
    here = cloud.node
    there = another_node(cloud)
    cloud.node = there
    cloud.nudger.nudged.clear()
    second = cloud.go_live(2)
    assert here in cloud.nudger.nudged, "the node with the slate is told at once"
    assert lease(cloud, destination).node == here
    cloud.node = here
    running = {"destination": destination, "session": kept.session, "fence": 1, "state": "running"}
    assert cloud.sync(pushes=[running]).desired.pushes == []
    assert lease(cloud, destination).held, "not before it has stopped"
    cloud.send(cloud.event(kept.session, PushState(destination=destination, fence=1, state="stopped")))
    cloud.node = there
    (push,) = pushes(cloud)
    assert (push.session, push.fence) == (second, 2)
    assert lease(cloud, destination).node == there


def test_a_file_is_taken_in_by_its_node_before_it_is_kept(cloud: Cloud) -> None:
    cloud.sync()
    kept = "slate/0b3c9a52-6a0c-4d0e-8a53-0d5b6a3f1c11.mp4"
    asked: list[Any] = []

    def answer(_seconds: float) -> None:
        for question in [e for e in cloud.store.rows.values() if isinstance(e, OpenQuestion)]:
            asked.append(question.body)
            result = QuestionResult(outcome="answered", data={"file": kept, "has_sound": True})
            cloud.questions.take(cloud.node, question.id, result)

    cloud.questions._pause = answer
    destination = add(cloud, file="clips/x.mp4")
    slate = cloud.targets.get(destination).destination.slate
    assert (slate.file, slate.has_sound, slate.node) == (kept, True, cloud.node)
    cloud.go_live()
    (push,) = pushes(cloud)
    assert (push.slate.file, push.slate.has_sound) == (kept, True)
    cloud.targets.change(destination, {"slate": {"minutes": 5}}, None)
    assert len(asked) == 1, "what is there already is not taken in again"
    cloud.targets.change(destination, {"slate": {"file": "clips/y.mp4"}}, None)
    assert asked[1]["replaces"] == kept
    cloud.targets.change(destination, {"slate": {"file": ""}}, None)
    assert cloud.targets.get(destination).destination.slate.node == ""


def test_a_file_that_its_node_refuses_changes_nothing(cloud: Cloud) -> None:
    destination = add(cloud)
    cloud.sync()
    cloud.clock.pass_(seconds=1)

    def refuse(seconds: float) -> None:
        cloud.clock.pass_(seconds=seconds)
        for question in [e for e in cloud.store.rows.values() if isinstance(e, OpenQuestion)]:
            result = QuestionResult(outcome="refused", field="slate.file", error="has no picture")
            cloud.questions.take(cloud.node, question.id, result)

    cloud.questions._pause = refuse
    with pytest.raises(InvalidInputError, match="no picture"):
        cloud.targets.change(destination, {"slate": {"file": "x.mp4"}}, None)
    cloud.questions._pause = lambda seconds: cloud.clock.pass_(seconds=seconds)
    with pytest.raises(UnavailableError):
        cloud.targets.change(destination, {"slate": {"file": "x.mp4"}}, None)
    assert cloud.targets.get(destination).destination.slate.file == ""


def test_what_is_pushed_is_listed(cloud: Cloud) -> None:
    destination = add(cloud)
    add(cloud, f"{URL}2", enabled=False)
    assert cloud.targets.pushes(10, None).items == []
    cloud.go_live()
    found = cloud.targets.pushes(10, None).items
    assert destination in {t.destination.id for t in found}
    assert all(t.lease is not None and t.lease.held for t in found)


def test_a_destination_of_a_room_follows_its_stream_name(cloud: Cloud) -> None:
    rooms = Rooms(cloud.store, cloud.clock)
    room = rooms.create("R", {})
    made = cloud.targets.add(name="T", url=URL, platform="custom", streams=[], enabled=True, room=room.id)
    assert (made.room, made.stream_name) == (room.id, room.stream)
    rooms.change(room.id, {"stream": "renamed"}, None)
    cloud.run_stream()
    assert cloud.targets.get(made.id).destination.stream_name == "renamed"
    free = cloud.targets.change(made.id, {"room": ""}, None)
    assert (free.room, free.stream_name) == ("", "")
    with pytest.raises(InvalidInputError, match="no such room"):
        cloud.targets.change(made.id, {"room": "x"}, None)
