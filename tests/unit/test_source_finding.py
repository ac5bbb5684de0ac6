"""A stream, a freed target and the minute find the sources that they concern, and look at no others."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.model.sources import Source, SourceLease, SourcePlace
from chalicelib.domain.sources import targets_of
from chalicelib.ports.store import Delete, Save
from chalicelib.wire.sources import Encoding, Rendition
from tests.unit.cloud_rig import Cloud
from tests.unit.source_rig import source


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.pushes.wanting.rebuild()
    assert cloud.sources.finding.rebuild()
    cloud.run_stream()
    return cloud


def keep(cloud: Cloud, made: Source) -> Source:
    known = cloud.store.get(Source, made.id)
    made = made.model_copy(update={"version": known.version if known else 0})
    cloud.store.commit(Save(made))
    cloud.run_stream()
    return made


def transcode(name: str, **more: Any) -> Source:
    return source(name, kind="transcode", node=None, inputs=[], **more)


def names(found: list[Source]) -> list[str]:
    return [s.id for s in found]


def held(cloud: Cloud, name: str) -> bool:
    found = cloud.store.get(SourceLease, name)
    return found is not None and found.held


def test_each_is_found_by_what_it_is_and_where_it_pushes(cloud: Cloud) -> None:
    film = keep(cloud, source("film"))
    keep(cloud, transcode("t"))
    keep(cloud, source("off", enabled=False))
    keep(cloud, source("card", kind="card", inputs=[]))
    finding = cloud.sources.finding
    assert names(finding.free()) == ["t"], "there is no stream that it could follow; the others are played"
    assert names(finding.transcodes()) == ["t"]
    assert names(finding.cards()) == ["card"]
    assert names(finding.aiming_at(*targets_of(film))) == ["film"]
    assert finding.aiming_at() == []


def test_the_index_follows_every_change(cloud: Cloud) -> None:
    encoding = Encoding(video_kbps=500)
    more = Rendition(url="rtmp://t.example/a/small", encoding=encoding)
    before = keep(cloud, transcode("t", renditions=[more]))
    finding = cloud.sources.finding
    big, small = (names(finding.aiming_at(target)) for target in targets_of(before))
    assert big == small == ["t"]
    after = keep(cloud, transcode("t", url="rtmp://t.example/a/other"))
    assert [names(finding.aiming_at(target)) for target in targets_of(before)] == [[], []]
    assert names(finding.aiming_at(*targets_of(after))) == ["t"]
    keep(cloud, transcode("t", enabled=False))
    assert not [row for row in cloud.store.rows.values() if isinstance(row, SourcePlace)]


def test_a_source_that_is_gone_is_in_no_index(cloud: Cloud) -> None:
    keep(cloud, source("film"))
    known = cloud.store.get(Source, "film")
    assert known is not None
    cloud.store.commit(Delete(known))
    cloud.run_stream()
    assert not [row for row in cloud.store.rows.values() if isinstance(row, SourcePlace)]


def test_a_change_that_moves_nothing_writes_nothing(cloud: Cloud) -> None:
    made = keep(cloud, source("film"))
    before = len(cloud.store.changes)
    cloud.sources.finding.note(made)
    assert len(cloud.store.changes) == before


def test_what_an_earlier_version_left_is_indexed_once() -> None:
    cloud = Cloud()
    film = source("film")
    cloud.store.commit(Save(film), Save(transcode("t")), Save(source("off", enabled=False)))
    finding = cloud.sources.finding
    assert names(finding.free()) == ["film", "t"], "all are looked through"
    assert names(finding.aiming_at(*targets_of(film))) == ["film"]
    assert finding.rebuild()
    assert not finding.rebuild()
    assert sorted({r.source for r in cloud.store.rows.values() if isinstance(r, SourcePlace)}) == ["film", "t"]
    assert names(finding.transcodes()) == ["t"]


def test_no_list_of_sources_is_read(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    film, waits = keep(cloud, source("film", node=cloud.node)), source("waits", node=cloud.node)
    keep(cloud, waits.model_copy(update={"url": film.url}))
    keep(cloud, transcode("t"))
    index = cloud.store.index

    def read(kind: Any, name: str, **more: Any) -> Any:
        assert name != "SOURCES"
        return index(kind, name, **more)

    monkeypatch.setattr(cloud.store, "index", read)
    cloud.go_live()
    assert [held(cloud, name) for name in ("film", "waits", "t")] == [True, False, True]
    keep(cloud, film.model_copy(update={"enabled": False}))
    lease = cloud.store.get(SourceLease, "film")
    assert lease is not None
    cloud.store.commit(*cloud.sources.release_changes("film", lease.node, lease.fence))
    cloud.run_stream()
    assert held(cloud, "waits"), "the target is free"
    assert cloud.sources.sweep() == 0


def test_the_minute_grants_what_a_lost_message_left(cloud: Cloud) -> None:
    made = source("film", node=cloud.node)
    cloud.store.commit(Save(made))
    cloud.dispatched = len(cloud.store.changes)
    cloud.sources.finding.note(made)
    assert cloud.sources.sweep() == 1
    assert held(cloud, "film")
    assert cloud.sources.finding.free() == []
    assert cloud.sources.sweep() == 0


def test_what_was_given_back_is_free_until_it_is_granted_again(cloud: Cloud) -> None:
    keep(cloud, source("film", node=cloud.node))
    assert cloud.sources.finding.free() == []
    lease = cloud.store.get(SourceLease, "film")
    assert lease is not None
    cloud.store.commit(*cloud.sources.release_changes("film", lease.node, lease.fence))
    assert names(cloud.sources.finding.free()) == ["film"]
    cloud.run_stream()
    assert held(cloud, "film")
    assert cloud.sources.finding.free() == []


@pytest.mark.parametrize("name", ["film", "off", "gone"])
def test_the_minute_takes_out_what_is_not_free(cloud: Cloud, name: str) -> None:
    keep(cloud, source("film", node=cloud.node))
    keep(cloud, source("off", enabled=False))
    cloud.store.commit(*cloud.sources.finding.given_back(name))
    assert cloud.sources.sweep() == 0
    free = [r for r in cloud.store.rows.values() if isinstance(r, SourcePlace) and r.place == "SOURCES_FREE"]
    assert not free
