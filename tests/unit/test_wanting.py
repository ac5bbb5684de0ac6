"""A stream finds its destinations, and a destination its streams, without looking at the others."""

from __future__ import annotations

import pytest

from chalicelib.domain import destinations as rules
from chalicelib.domain.model.destinations import Destination, Lease, WantedStream
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.targets import target_hash
from chalicelib.ports.store import Put
from chalicelib.wire.names import StreamName
from tests.fakes import FakeClock
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    assert cloud.pushes.wanting.rebuild()
    cloud.run_stream()
    return cloud


def add(cloud: Cloud, name: str, *streams: str, enabled: bool = True, key: str = "") -> Destination:
    url = f"rtmp://a.example/live2/{key or name}"
    made = cloud.targets.add(name=name, url=url, platform="custom", streams=list(streams), enabled=enabled)
    cloud.run_stream()
    return made


def holder(cloud: Cloud, destination: Destination) -> str:
    lease = cloud.store.get(Lease, destination.id)
    return lease.node if lease is not None and lease.held else ""


def live(name: str, *, node: str = "n1", session: str = "01JD0000000000000000000001") -> OpenSession:
    stream = StreamName(app="live", stream=name)
    return OpenSession(node=node, session=session, stream=stream, state="live", since=FakeClock()())


@pytest.mark.parametrize(
    ("streams", "stream_name", "name"),
    [
        (["/live/x"], "", "x"),
        (["/live/x", "/other/x"], "", "x"),
        (["/live/x", "/live/y"], "", ""),
        (["/live/*"], "", ""),
        (["/live/x?"], "", ""),
        (["/live/[ab]"], "", ""),
        (["/live/[a/b]"], "", ""),
        (["/live/a\\*"], "", ""),
        ([], "", ""),
        (["/live/*"], "room", "room"),
    ],
)
def test_the_one_name_that_a_destination_takes(streams: list[str], stream_name: str, name: str) -> None:
    at = FakeClock()()
    made = Destination(
        id="d", name="d", url="rtmp://a/b/c", streams=streams, stream_name=stream_name, created_at=at, updated_at=at
    )
    assert rules.wanted_name(made) == name
    if name:
        assert not rules.serves(made, live(name + "-"))


def test_a_stream_finds_those_that_want_it_or_any(cloud: Cloud) -> None:
    mine, any_of_them = add(cloud, "mine", "/live/x"), add(cloud, "any", "/live/*")
    add(cloud, "other", "/live/y")
    add(cloud, "off", "/live/x", enabled=False)
    found = cloud.pushes.wanting.of_streams([live("x")])
    assert {d.id for d in found} == {mine.id, any_of_them.id}


def test_the_index_follows_every_change(cloud: Cloud) -> None:
    made = add(cloud, "d", "/live/x")
    cloud.targets.change(made.id, {"streams": ["/live/z"]}, None)
    cloud.run_stream()
    assert cloud.pushes.wanting.of_streams([live("x")]) == []
    assert [d.id for d in cloud.pushes.wanting.of_streams([live("z")])] == [made.id]
    cloud.targets.change(made.id, {"enabled": False}, None)
    cloud.run_stream()
    assert cloud.pushes.wanting.of_streams([live("z")]) == []
    cloud.targets.remove(made.id)
    cloud.run_stream()
    assert not [row for row in cloud.store.rows if row[0] == f"DEST#{made.id}"]


def test_a_destination_finds_the_live_streams_of_its_name_and_no_others(cloud: Cloud) -> None:
    for i, name in enumerate(("x", "y")):
        cloud.store.commit(Put(live(name, node=f"n{i}", session=f"01JD000000000000000000000{i}")))
    made = add(cloud, "d", "/live/x")
    (some,) = cloud.pushes.wanting.fitting(made)
    assert [s.stream.stream for s in some] == ["x"]


def test_a_stream_that_begins_is_pushed_and_one_that_ends_frees(cloud: Cloud) -> None:
    waiting = add(cloud, "first", "/live/x", key="same")
    cloud.go_live()
    assert holder(cloud, waiting) == cloud.node
    late = add(cloud, "late", "/live/x")
    assert holder(cloud, late) == cloud.node, "a destination that comes later finds what is live"


def test_who_waits_for_a_target_is_found_by_it(cloud: Cloud) -> None:
    first, second = add(cloud, "first", "/live/x", key="k"), add(cloud, "second", "/live/y", key="other")
    (found,) = cloud.pushes.wanting.of_targets(target_hash(first.url))
    assert found.id == first.id
    assert second.id != first.id


def test_a_session_of_a_lost_node_is_given_nothing(cloud: Cloud) -> None:
    cloud.store.commit(Put(live("x", node="gone")))
    cloud.store.commit(Put(Heartbeat(node="gone", last_seen=cloud.clock(), lost=True)))
    made = add(cloud, "d", "/live/x")
    assert list(cloud.pushes.wanting.fitting(made)) == [[]]


def test_what_an_earlier_version_left_is_indexed_once() -> None:
    cloud = Cloud()
    cloud.go_live()
    made = add(cloud, "d", "/live/x")
    for row in [row for row in cloud.store.rows if row[1] in ("STREAM", "TARGET")]:
        del cloud.store.rows[row]
    assert [d.id for d in cloud.pushes.wanting.of_streams([live("x")])] == [made.id], "all are looked through"
    assert cloud.pushes.wanting.rebuild()
    assert not cloud.pushes.wanting.rebuild()
    assert len(cloud.store.index(WantedStream, rules.wanted_index("x")).items) == 1
    assert [d.id for d in cloud.pushes.wanting.of_streams([live("x")])] == [made.id]


def test_a_sync_looks_now_and_then_when_no_session_is_young(cloud: Cloud) -> None:
    cloud.go_live()
    cloud.sync()
    made = add(cloud, "d", "/live/x", enabled=False)
    cloud.clock.pass_(minutes=3)
    # As if the record of the change had been lost.
    cloud.targets.change(made.id, {"enabled": True}, None)
    cloud.dispatched = len(cloud.store.changes)
    cloud.pushes.wanting.note(cloud.store.get(Destination, made.id) or made)
    looks = []
    for _ in range(12):
        cloud.clock.pass_(minutes=1)
        cloud.sync()
        looks.append(holder(cloud, made))
    assert looks[-1] == cloud.node
