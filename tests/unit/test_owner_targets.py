"""One target has one push (D2), and what is on and not pushed says why (D3)."""

from __future__ import annotations

import pytest

from chalicelib.domain.errors import (
    ConflictError,
)
from chalicelib.domain.model.destinations import PushStatus
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.ports.store import Save
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.services.sources.transcodes import Transcodes
from chalicelib.wire.sources import Encoding, Rendition
from tests.unit.owner_rig import SLOT, Owner, _source, add_target, session


@pytest.fixture
def owner() -> Owner:
    return Owner()


def test_d2_a_second_destination_of_a_target_is_refused_by_the_name_of_the_first(owner: Owner) -> None:
    add_target(owner, "First", "rtmp://h/a/k")
    with pytest.raises(ConflictError, match="First"):
        add_target(owner, "Second", "RTMP://H:1935/a/k")
    kept = add_target(owner, "Second", "rtmp://H/a/k", enabled=False)
    with pytest.raises(ConflictError, match="First"):
        owner.targets.change(kept.id, {"enabled": True}, None)
    with pytest.raises(ConflictError, match="First"):
        owner.slots.update(SLOT | {"server": "rtmps://h/a", "secret": "k"})


def test_d2_a_source_that_is_on_has_its_target_also_while_it_waits(owner: Owner) -> None:
    _source(owner, "Night loop", "rtmp://h/a/k")
    with pytest.raises(ConflictError, match="Night loop"):
        add_target(owner, "Second", "RTMP://H:1935/a/k")
    with pytest.raises(ConflictError, match="Night loop"):
        owner.slots.update(SLOT | {"server": "rtmp://h/a", "secret": "k"})
    _source(owner, "Off", "rtmp://h/a/other", enabled=False)
    assert add_target(owner, "Third", "rtmp://h/a/other").enabled


@pytest.mark.parametrize("low", ["rtmp://h/a/k", "rtmps://H:443/a/k"])
def test_d2_every_output_of_a_source_is_a_target(owner: Owner, low: str) -> None:
    _source(owner, "Ladder", "rtmp://h/a/high", renditions=[Rendition(url=low, encoding=Encoding())])
    with pytest.raises(ConflictError, match="Ladder"):
        add_target(owner, "Second", "rtmp://h/a/k")


def test_d2_the_transcode_of_the_compatible_api_is_compared_with_sources_too(owner: Owner) -> None:
    _source(owner, "Night loop", "rtmp://h/a/k")
    leases = SourceLeases(owner.store, owner.pushes, owner.clock)
    on = {
        "all": True, "server": "rtmp://h/a", "secret": "k", "vcodec": "libx264", "acodec": "aac", "vbitrate": 800,
        "abitrate": 64, "achannels": 2, "vprofile": "main", "vpreset": "fast",
    }  # fmt: skip
    with pytest.raises(ConflictError, match="Night loop"):
        Transcodes(owner.store, leases, owner.clock).apply(on)
    Transcodes(owner.store, leases, owner.clock).apply(on | {"all": False})


def test_d2_of_two_that_were_there_before_one_is_pushed_and_the_other_says_why(owner: Owner) -> None:
    from chalicelib.ports.store import Save

    first = add_target(owner, "First", "rtmp://h/a/k")
    second = first.model_copy(update={"id": "second", "name": "Second", "version": 0})
    owner.store.commit(Save(second), Save(session("s1", 1, owner.clock)))
    for destination in (first, second):
        owner.pushes.settle(destination)
    shown = {t.destination.name: t for t in owner.targets.all()}
    assert shown["First"].lease is not None
    assert shown["Second"].lease is None
    why = shown["Second"].waiting
    assert why is not None
    assert (why.code, why.by) == ("same_target", first.id)
    # As soon as the first has stopped, the other has its turn.
    owner.targets.change(first.id, {"enabled": False}, None)
    assert owner.pushes.release(first.id, "n1", 1)
    assert owner.targets.get("second").lease is not None


def test_d3_whatever_is_on_and_not_pushed_says_why(owner: Owner) -> None:
    from chalicelib.ports.store import Save

    made = add_target(owner, "A", "rtmp://h/a/k")
    why = owner.targets.get(made.id).waiting
    assert why is not None
    assert why.code == "no_stream"
    owner.store.commit(Save(session("s1", 1, owner.clock)))
    owner.limits.set({"max_pushes": 0}, None)
    owner.pushes.settle(made)
    why = owner.targets.get(made.id).waiting
    assert why is not None
    assert why.code == "limit"


def test_d6_a_new_target_of_a_running_push_moves_what_it_holds(owner: Owner) -> None:
    from chalicelib.ports.store import Save

    first = add_target(owner, "First", "rtmp://h/a/k")
    owner.store.commit(Save(session("s1", 1, owner.clock)))
    owner.pushes.settle(first)
    owner.targets.change(first.id, {"url": "rtmp://h/a/other"}, None)
    add_target(owner, "Second", "rtmp://h/a/k")
    with pytest.raises(ConflictError, match="First"):
        add_target(owner, "Third", "rtmp://h/a/other")
    lease = owner.targets.get(first.id).lease
    assert lease is not None
    assert lease.held


def test_d3_a_lease_whose_node_says_nothing_is_no_reason_to_be_silent(owner: Owner) -> None:
    made = add_target(owner, "A", "rtmp://h/a/k")
    seen = Heartbeat(node="n1", last_seen=owner.clock())
    owner.store.commit(Save(session("s1", 1, owner.clock)), Save(seen))
    owner.pushes.settle(made)

    def why() -> tuple[str, str] | None:
        waiting = owner.targets.get(made.id).waiting
        return (waiting.code, waiting.by) if waiting else None

    assert why() == ("granting", "")
    owner.store.commit(Save(seen.model_copy(update={"lost": True, "version": 1})))
    assert why() == ("node_lost", "n1")
    status = PushStatus(destination=made.id, node="n1", session="s1", fence=1, state="running", at=owner.clock())
    owner.store.commit(Save(status))
    assert why() is None
