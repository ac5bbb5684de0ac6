"""The limit of streams is held by a count that changes with each begin and end, also when several come at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.model.sessions import LiveCount
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.store import Put, Save
from chalicelib.services.counts import COUNTED_AGAIN
from chalicelib.services.publishing.counting import HELD, LiveCounts
from chalicelib.wire.edge.events import SessionEnded, SessionLive, SessionRefused
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    limit(cloud, 2)
    return cloud


def limit(cloud: Cloud, most: int | None) -> None:
    limits = LimitSettings(max_streams=most)
    cloud.store.commit(Put(limits))
    LiveCounts(cloud.store, cloud.clock).follow(limits)


def count(cloud: Cloud) -> LiveCount:
    found = cloud.store.get(LiveCount)
    assert found is not None
    return found


def test_places_are_taken_by_who_is_let_in_and_freed_by_who_ends(cloud: Cloud) -> None:
    first, second, third = (cloud.session(n) for n in range(3))
    assert cloud.ask(first).decision == "allow"
    assert cloud.ask(second).decision == "allow"
    assert (cloud.ask(third).decision, cloud.ask(third).code) == ("deny", "limit")
    assert cloud.ask(second).decision == "allow", "it has its place already"
    cloud.send(cloud.event(first, cloud.admitted()), cloud.event(first, SessionLive()))
    assert (count(cloud).live, list(count(cloud).held)) == (1, [second])
    cloud.send(cloud.event(first, SessionEnded()))
    assert count(cloud).live == 0
    assert cloud.ask(third).decision == "allow"


def test_who_was_let_in_and_did_not_begin_loses_its_place(cloud: Cloud) -> None:
    for n in range(2):
        cloud.ask(cloud.session(n))
    cloud.clock.pass_(seconds=HELD.total_seconds() + 1)
    assert cloud.ask(cloud.session(3)).decision == "allow"


def test_one_that_was_refused_at_the_media_server_frees_its_place(cloud: Cloud) -> None:
    session = cloud.session(1)
    cloud.ask(session)
    cloud.send(cloud.event(session, cloud.admitted()), cloud.event(session, SessionRefused(reason="busy")))
    assert (count(cloud).live, count(cloud).held) == (0, {})


def test_of_two_that_come_at_once_for_the_last_place_one_gets_it(cloud: Cloud) -> None:
    limit(cloud, 1)
    counts, limits = LiveCounts(cloud.store, cloud.clock), LimitSettings(max_streams=1)
    seen = count(cloud)
    assert counts.take(limits, "first", seen) == ""
    assert "1 streams are live already" in counts.take(limits, "second", seen), "by what it had read, there was room"


def test_what_is_live_when_the_limit_is_set_counts_and_nothing_is_counted_without(cloud: Cloud) -> None:
    limit(cloud, None)
    assert cloud.store.get(LiveCount) is None
    cloud.go_live()
    assert cloud.store.get(LiveCount) is None
    limit(cloud, 5)
    assert count(cloud).live == 1


def test_a_count_that_went_wrong_is_made_anew_within_the_hour(cloud: Cloud) -> None:
    cloud.go_live()
    cloud.store.commit(Save(count(cloud).model_copy(update={"live": 7})))
    limit(cloud, 2)
    assert count(cloud).live == 7
    cloud.clock.pass_(seconds=COUNTED_AGAIN.total_seconds() + 1)
    limit(cloud, 2)
    assert count(cloud).live == 1


def test_a_publish_reads_no_list(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(*_: Any, **__: Any) -> Iterator[Any]:
        raise AssertionError("a list was read")

    monkeypatch.setattr(cloud.store, "index", listed)
    assert cloud.ask(cloud.session(1)).decision == "allow"
