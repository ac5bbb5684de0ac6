"""What all nodes decide by is made once, when it changes: a sync reads one item of it, however many rooms there are."""

from __future__ import annotations

import pytest

from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.ports.store import Delete, Put
from chalicelib.services.publishing.snapshots import BURST, FEW, LOOK_AGAIN, SETTLES_AFTER
from chalicelib.wire.edge.desired import AdmissionSnapshot
from chalicelib.wire.edge.observed import ObservedNode, SyncRequest
from chalicelib.wire.secrets import snapshot_accepts
from tests.fakes import FakeSnapshotFiles
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.run_stream()
    return cloud


def files(cloud: Cloud) -> FakeSnapshotFiles:
    found = cloud.snapshots._files
    assert isinstance(found, FakeSnapshotFiles)
    return found


def rooms(cloud: Cloud, count: int) -> None:
    """Rooms that no record of the stream tells of."""
    for i in range(count):
        cloud.store.commit(Put(RoomSecret(stream=f"room{i}", room=f"id{i}", secret=f"secret-of-{i}")))
    cloud.dispatched = len(cloud.store.changes)


def ask(cloud: Cloud, revision: str = "", *, fetches: bool = True) -> AdmissionSnapshot | None:
    request = SyncRequest(
        agent_version="1", observed=ObservedNode(), snapshot_revision=revision, fetches_snapshot=fetches
    )
    answer = cloud.syncing.sync(cloud.node, request)
    return answer.snapshot


def lets_in(snapshot: AdmissionSnapshot, stream: str, secret: str) -> bool:
    return snapshot_accepts(snapshot.key, snapshot.accepted, stream, f"?secret={secret}")


def test_few_rooms_come_with_the_answer_and_many_by_a_link(cloud: Cloud) -> None:
    files(cloud).linked = True
    rooms(cloud, FEW - 1)
    cloud.snapshots.refresh()
    few = ask(cloud)
    assert few is not None
    assert (few.accepted_url, len(few.accepted), files(cloud).files) == ("", FEW, {})
    rooms(cloud, FEW + 1)
    fleet = cloud.snapshots.refresh()
    many = ask(cloud)
    assert many is not None
    assert (many.accepted, many.accepted_url) == ([], f"https://bucket.example/{fleet.file}")


def test_an_agent_that_fetches_nothing_gets_all_with_the_answer(cloud: Cloud) -> None:
    files(cloud).linked = True
    rooms(cloud, FEW + 1)
    cloud.snapshots.refresh()
    told = ask(cloud, fetches=False)
    assert told is not None
    assert told.accepted_url == ""
    assert lets_in(told, "room3", "secret-of-3")
    assert not lets_in(told, "room3", "secret-of-4")


def test_a_sync_reads_the_same_with_more_rooms(cloud: Cloud) -> None:
    rooms(cloud, 400)
    fleet = cloud.snapshots.refresh()
    for room in [row for row in cloud.store.rows if row[0].startswith("ROOMNAME#")]:
        del cloud.store.rows[room]  # whoever reads them now finds none
    assert ask(cloud, fleet.revision) is None, "nothing is another"


def test_a_room_that_the_list_does_not_know_yet_is_in_it(cloud: Cloud) -> None:
    new = RoomSecret(stream="new", room="r", secret="secret-of-new")
    cloud.store.commit(Put(new))
    listed = cloud.store.index
    cloud.store.index = lambda *a, **k: listed(*a, **k | {"prefix": "nothing"})  # type: ignore[method-assign]
    cloud.run_stream()
    told = ask(cloud)
    assert told is not None
    assert lets_in(told, "new", "secret-of-new")
    cloud.store.commit(Delete(new.model_copy(update={"version": 1})))
    cloud.run_stream()
    told = ask(cloud)
    assert told is not None
    assert not lets_in(told, "new", "secret-of-new")


def test_a_burst_of_rooms_is_taken_together_and_everybody_told(cloud: Cloud) -> None:
    rooms(cloud, FEW + 1)
    cloud.snapshots.refresh()
    cloud.nudger.nudged.clear()
    for i in range(50):
        cloud.store.commit(Put(RoomSecret(stream=f"burst{i}", room=f"b{i}", secret=f"secret-of-b{i}")))
    before = len(files(cloud).files)
    cloud.run_stream()
    assert (len(files(cloud).files), cloud.nudger.nudged) == (before, []), "none is made meanwhile"
    cloud.clock.pass_(seconds=SETTLES_AFTER.total_seconds() + 1)
    assert cloud.snapshots.sweep()
    assert cloud.nudger.nudged == [cloud.node]
    told = ask(cloud)
    assert told is not None
    assert lets_in(told, "burst49", "secret-of-b49")
    assert BURST < SETTLES_AFTER


def test_a_change_that_was_lost_is_found_in_an_hour(cloud: Cloud) -> None:
    cloud.snapshots.refresh(settled=True)
    rooms(cloud, 1)
    cloud.clock.pass_(seconds=SETTLES_AFTER.total_seconds() + 1)
    assert not cloud.snapshots.sweep()
    cloud.clock.pass_(seconds=LOOK_AGAIN.total_seconds())
    assert cloud.snapshots.sweep()
    assert not cloud.snapshots.sweep()


def test_the_file_before_is_kept_and_older_ones_go(cloud: Cloud) -> None:
    rooms(cloud, FEW + 1)
    named = []
    for i in range(4):
        rooms(cloud, FEW + 1 + i)
        named.append(cloud.snapshots.refresh().file)
    assert set(files(cloud).files) == set(named[-2:])


def test_a_file_that_is_gone_is_made_anew(cloud: Cloud) -> None:
    rooms(cloud, FEW + 1)
    cloud.snapshots.refresh()
    files(cloud).files.clear()
    told = ask(cloud, fetches=False)
    assert told is not None
    assert lets_in(told, "room0", "secret-of-0")


def test_the_item_fits_one_read_unit() -> None:
    cloud = Cloud()
    rooms(cloud, FEW - 1)
    fleet = cloud.snapshots.refresh()
    assert len(fleet.accepted) == FEW
    assert len(fleet.model_dump_json()) * 4 / 3 < 4096
