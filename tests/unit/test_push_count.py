"""The limit of pushes is held by a count that changes with each lease, also when several are granted at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.destinations import Destination, Lease, PushCount
from chalicelib.ports.store import Change, Save
from chalicelib.services.counts import COUNTED_AGAIN, TRIES
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.pushes.wanting.rebuild()
    cloud.go_live()
    limit(cloud, 2)
    return cloud


def limit(cloud: Cloud, most: int | None) -> None:
    cloud.limits.set({"max_pushes": most}, None)


def add(cloud: Cloud, name: str) -> Destination:
    url = f"rtmp://a.example/live2/{name}"
    made = cloud.targets.add(name=name, url=url, platform="custom", streams=["/live/x"], enabled=True)
    cloud.pushes.wanting.note(made)
    return made


def lease(cloud: Cloud, destination: Destination) -> Lease | None:
    found = cloud.store.get(Lease, destination.id)
    return found if found is not None and found.held else None


def count(cloud: Cloud) -> int:
    found = cloud.store.get(PushCount)
    assert found is not None
    return found.held


def give_back(cloud: Cloud, destination: Destination) -> bool:
    held = lease(cloud, destination)
    assert held is not None
    return cloud.pushes.release(destination.id, held.node, held.fence)


def test_places_are_taken_with_the_lease_and_freed_with_it(cloud: Cloud) -> None:
    made = [add(cloud, name) for name in "abc"]
    for each in made:
        cloud.pushes.settle(each)
    assert [lease(cloud, each) is not None for each in made] == [True, True, False]
    assert count(cloud) == 2
    assert cloud.pushes.counts.is_full()
    cloud.targets.change(made[0].id, {"enabled": False}, None)
    assert give_back(cloud, made[0])
    assert count(cloud) == 1
    cloud.pushes.settle(made[2])
    assert lease(cloud, made[2])
    assert count(cloud) == 2


def test_a_lease_is_not_given_back_twice(cloud: Cloud) -> None:
    made = add(cloud, "a")
    cloud.pushes.settle(made)
    held = lease(cloud, made)
    assert held is not None
    cloud.targets.change(made.id, {"enabled": False}, None)
    assert cloud.pushes.release(made.id, held.node, held.fence)
    assert not cloud.pushes.release(made.id, held.node, held.fence)
    assert count(cloud) == 0


class Meanwhile:
    """Lets something happen just before each of the next writes that hold a count."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left, self.commit, self.store = times, cloud.store.commit, cloud.store
        monkeypatch.setattr(cloud.store, "commit", self)

    def __call__(self, *changes: Change) -> None:
        counted = [c for c in changes if isinstance(c, Save) and isinstance(c.entity, PushCount)]
        if counted and self.left and len(changes) > 1:
            self.left -= 1
            now = self.store.get(PushCount)
            assert now is not None
            self.commit(Save(now))
        self.commit(*changes)


def test_another_push_that_is_counted_at_the_same_moment_takes_no_lease_away(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = add(cloud, "a")
    meanwhile = Meanwhile(cloud, monkeypatch, 2)
    cloud.pushes.settle(made)
    assert lease(cloud, made)
    assert meanwhile.left == 0
    cloud.targets.change(made.id, {"enabled": False}, None)
    meanwhile.left = 2
    assert give_back(cloud, made)
    assert (meanwhile.left, count(cloud)) == (0, 0)


def test_who_is_overtaken_again_and_again_gives_up_for_now(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    made = add(cloud, "a")
    meanwhile = Meanwhile(cloud, monkeypatch, TRIES)
    cloud.pushes.settle(made)
    assert (lease(cloud, made), meanwhile.left) == (None, 0)
    cloud.pushes.settle(made)
    assert lease(cloud, made), "the next look grants it"


def test_without_a_limit_a_lost_race_is_not_run_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(cloud, None)
    made, asked = add(cloud, "a"), []

    def lost(*changes: Change) -> None:
        asked.append(changes)
        raise ConflictError("somebody else was first")

    monkeypatch.setattr(cloud.store, "commit", lost)
    cloud.pushes.settle(made)
    assert len(asked) == 1


def test_what_is_pushed_when_the_limit_is_set_counts_and_nothing_is_counted_without(cloud: Cloud) -> None:
    limit(cloud, None)
    assert cloud.store.get(PushCount) is None
    made = add(cloud, "a")
    cloud.pushes.settle(made)
    assert lease(cloud, made)
    assert cloud.store.get(PushCount) is None
    limit(cloud, 1)
    assert count(cloud) == 1
    other = add(cloud, "b")
    cloud.pushes.settle(other)
    assert lease(cloud, other) is None


def test_a_count_that_went_wrong_is_made_anew_within_the_hour(cloud: Cloud) -> None:
    cloud.pushes.settle(add(cloud, "a"))
    known = cloud.store.get(PushCount)
    assert known is not None
    cloud.store.commit(Save(known.model_copy(update={"held": 7})))
    cloud.limits.sweep()
    assert count(cloud) == 7
    cloud.clock.pass_(seconds=COUNTED_AGAIN.total_seconds() + 1)
    cloud.limits.sweep()
    assert count(cloud) == 1


def test_a_grant_reads_no_list_of_leases(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    made, index = add(cloud, "a"), cloud.store.index

    def listed(kind: Any, name: str, **more: Any) -> Iterator[Any]:
        assert name != "LEASES_HELD"
        return index(kind, name, **more)  # type: ignore[return-value]

    monkeypatch.setattr(cloud.store, "index", listed)
    cloud.pushes.settle(made)
    assert lease(cloud, made)
    assert not cloud.pushes.counts.is_full()
