"""What an owner decides: rooms, platforms, limits, password, backup."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import admission, limits, platforms, targets
from chalicelib.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TooManyTriesError,
    UnauthenticatedError,
)
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.settings import LimitSettings, PublishSettings
from chalicelib.domain.model.sources import Source
from chalicelib.domain.model.stores import ObjectStore, StoreSettings
from chalicelib.domain.targets import join_target
from chalicelib.ports.store import Save
from chalicelib.services.backup import Copy
from chalicelib.services.paging import everything
from chalicelib.wire.targets import parse_target
from tests.fakes import BOOTSTRAP, FakeClock
from tests.unit.owner_rig import SLOT, STREAM, Owner, session


@pytest.fixture
def owner() -> Owner:
    return Owner()


# rooms


def test_a_room_takes_its_own_secret_and_no_other() -> None:
    room = RoomSecret(stream="x", room="r", secret="ROOMSECRET")
    publish = PublishSettings(secret="global-secret")
    assert admission.decide(publish, room, STREAM, "?secret=ROOMSECRET").allowed
    assert not admission.decide(publish, room, STREAM, "?secret=global-secret").allowed
    assert not admission.decide(publish, None, STREAM, "?secret=ROOMSECRET").allowed


def test_a_renamed_room_gives_its_old_name_back(owner: Owner) -> None:
    room = owner.rooms.create("T", {})
    owner.rooms.change(room.id, {"stream": "new-name"}, None)
    assert owner.store.get(RoomSecret, room.stream) is None
    assert owner.store.get(RoomSecret, "new-name") is not None
    owner.rooms.remove(room.id)
    assert owner.store.get(RoomSecret, "new-name") is None
    with pytest.raises(NotFoundError):
        owner.rooms.get(room.id)


def test_two_rooms_cannot_have_one_stream_name(owner: Owner) -> None:
    first, second = owner.rooms.create("A", {}), owner.rooms.create("B", {})
    with pytest.raises(ConflictError):
        owner.rooms.change(second.id, {"stream": first.stream}, None)
    assert owner.store.get(Room, second.id) == owner.rooms.get(second.id)


@pytest.mark.parametrize("change", [{"stream": "a/b"}, {"stream": ".."}, {"stream": ""}, {"secret": "short"}])
def test_a_room_is_not_made_unusable(owner: Owner, change: dict[str, Any]) -> None:
    room = owner.rooms.create("A", {})
    with pytest.raises(InvalidInputError):
        owner.rooms.change(room.id, change, None)


def test_an_old_reading_of_a_room_conflicts(owner: Owner) -> None:
    room = owner.rooms.create("A", {})
    owner.rooms.change(room.id, {"title": "B"}, room.version)
    with pytest.raises(ConflictError):
        owner.rooms.change(room.id, {"title": "C"}, room.version)


# platforms


def test_every_platform_is_complete() -> None:
    for p in platforms.PLATFORMS:
        assert p.name
        assert p.name_zh
        assert p.hint
        assert p.hint_zh
        if p.server:
            assert targets.whole_url(p.id, "", "", "KEY").endswith("/KEY")


@given(
    st.from_regex(r"rtmps?://[a-z.]{1,20}/[a-z/]{0,10}", fullmatch=True),
    st.from_regex(r"[\w?=&-]{1,30}", fullmatch=True),
)
def test_a_pasted_url_splits_into_what_makes_it_again(server: str, key: str) -> None:
    url = f"{server.rstrip('/')}/{key}"
    assert "".join(targets.split_url(url)) == url


@pytest.mark.parametrize("server", ["rtmp://h/a", "rtmp://h/a/"])
def test_server_and_key_are_joined_with_one_slash(server: str) -> None:
    assert join_target(server, "k") == "rtmp://h/a/k"
    assert parse_target(join_target(server, "/k")).key == "/k", "to the letter, as OBS sends it"


# slots


def test_a_slot_is_a_destination_that_takes_the_newest(owner: Owner) -> None:
    owner.slots.update(SLOT)
    found = owner.store.get(Destination, "slot-forwarding-4-x")
    assert found is not None
    assert (found.url, found.prefer, found.name) == ("rtmp://h/a/k", "newest", "L")
    owner.slots.update(SLOT | {"enabled": False, "label": ""})
    assert owner.slots.all()["forwarding-4-x"]["enabled"] is False
    assert [s.slot["platform"] for s in owner.slots.states()] == ["forwarding-4-x"]


def test_there_are_ten_slots_and_updates_go_on(owner: Owner) -> None:
    for n in range(10):
        owner.slots.update(SLOT | {"platform": f"forwarding-{n}-x", "secret": f"k{n}"})
    with pytest.raises(InvalidInputError):
        owner.slots.update(SLOT | {"platform": "forwarding-99-x"})
    owner.slots.update(SLOT | {"platform": "forwarding-9-x", "secret": "k9", "label": "still"})


# limits


@given(st.integers(0, 100), st.integers(0, 100))
def test_as_many_streams_as_are_allowed(allowed: int, live: int) -> None:
    assert bool(limits.refusal(LimitSettings(max_streams=allowed), live)) == (live >= allowed)
    assert limits.refusal(LimitSettings(), live) == ""


def test_what_is_over_a_limit_is_ended_once(owner: Owner) -> None:
    from chalicelib.ports.store import Save

    for name, minutes in (("s1", 61), ("s2", 5)):
        live = session(name, minutes, owner.clock)
        pointer = OpenSession(node="n1", session=name, stream=STREAM, state="live", since=live.admitted_at)
        owner.store.commit(Save(live), Save(pointer))
    assert owner.limits.sweep() == 0, "limits are off until they are set"
    owner.limits.set({"max_publish_minutes": 60}, None)
    assert owner.limits.sweep() == 1
    assert owner.limits.sweep() == 0
    kicked = [e.session for e in owner.store.rows.values() if isinstance(e, OpenSession) and e.kick]
    assert kicked == ["s1"]


def test_a_bitrate_over_the_limit_ends_a_session() -> None:
    clock = FakeClock()
    live = session("s", 1, clock)
    set_to = LimitSettings(max_bitrate_kbps=4000)
    assert "5000 kbps" in limits.overrun(set_to, live, 5000.0, clock())
    assert limits.overrun(set_to, live, 4000.0, clock()) == ""
    assert limits.overrun(set_to, live, None, clock()) == ""


def test_no_more_pushes_than_are_allowed(owner: Owner) -> None:
    from chalicelib.ports.store import Save

    owner.limits.set({"max_pushes": 1}, None)
    owner.store.commit(Save(session("s1", 1, owner.clock)))
    for name in ("A", "B"):
        made = owner.targets.add(name=name, url=f"rtmp://h/a/{name}", platform="custom", streams=[], enabled=True)
        owner.pushes.settle(made)
    held = [t.destination.name for t in owner.targets.all() if t.lease is not None and t.lease.held]
    assert len(held) == 1


# the password


def test_after_five_wrong_passwords_even_the_right_one_waits(owner: Owner) -> None:
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            owner.login.login("wrong", "1.2.3.4")
    with pytest.raises(TooManyTriesError) as refused:
        owner.login.login(BOOTSTRAP.admin_password, "1.2.3.4")
    assert refused.value.retry_s == 60
    assert owner.login.login(BOOTSTRAP.admin_password, "5.6.7.8").token, "others are not held up"
    owner.clock.pass_(seconds=60)
    assert owner.login.login(BOOTSTRAP.admin_password, "1.2.3.4").token


def test_a_reset_password_replaces_the_installations(owner: Owner) -> None:
    owner.login.reset("another-password")
    with pytest.raises(UnauthenticatedError):
        owner.login.login(BOOTSTRAP.admin_password, "a")
    assert owner.login.login("another-password", "b").token
    assert "another-password" not in "".join(e.model_dump_json() for e in owner.store.rows.values())


def test_tokens_hold_for_a_year_by_the_products_clock(owner: Owner) -> None:
    token = owner.login.login(BOOTSTRAP.admin_password, "a").token
    owner.login.check_token(token)
    owner.clock.pass_(days=366)
    with pytest.raises(UnauthenticatedError):
        owner.login.check_token(token)


@pytest.mark.parametrize("header", ["", "Bearer", f"Basic {BOOTSTRAP.api_secret}", f"Bearer  {BOOTSTRAP.api_secret}"])
def test_odd_headers_are_refused(owner: Owner, header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        owner.login.check_bearer(header)
    owner.login.check_bearer(f"bEaReR {BOOTSTRAP.api_secret}")


# backup


def test_a_backup_brings_everything_back_elsewhere(owner: Owner) -> None:
    owner.settings.set_publish(secret="my-own-secret", auth=False)
    owner.settings.set_record(globs=["/live/*"], merge_window_s=7)
    owner.limits.set({"max_streams": 3}, None)
    room = owner.rooms.create("Room", {"roomToken": "t"})
    owner.targets.add(name="D", url="rtmp://h/a/secret-key", platform="custom", streams=["/live/*"], enabled=False)
    text = owner.backup.make().model_dump_json()

    other = Owner()
    copy = Copy.model_validate_json(text)
    assert other.backup.restore(copy) == 8
    assert other.backup.restore(copy) == 8, "again changes nothing"
    assert other.settings.get(PublishSettings).secret == "my-own-secret"
    assert other.rooms.get(room.id).secret == room.secret
    assert [t.destination.url for t in other.targets.all()] == ["rtmp://h/a/secret-key"]
    again, before = other.backup.make(), owner.backup.make()
    versions = {"version"}
    assert again.publish.model_dump(exclude=versions) == before.publish.model_dump(exclude=versions)
    assert again.limits.max_streams == 3


def test_a_copy_that_cannot_be_used_changes_nothing(owner: Owner) -> None:
    copy = owner.backup.make()
    bad = [
        copy.model_copy(update={"format": 2}),
        copy.model_copy(update={"publish": PublishSettings(secret="short")}),
        copy.model_copy(update={"record": copy.record.model_copy(update={"globs": ["/live/["]})}),
        copy.model_copy(update={"rooms": [Room(id="", stream="x", created_at=owner.clock())]}),
        copy.model_copy(update={"rooms": [Room(id="r", stream="..", created_at=owner.clock())]}),
    ]
    for one in bad:
        with pytest.raises(InvalidInputError):
            owner.backup.restore(one)
    assert owner.store.rows == {}


def test_sources_come_back_switched_off_and_stores_beside_those_that_are_known(owner: Owner) -> None:
    source = Source(
        id="s1", kind="stream", name="S", url="rtmp://h/a/k", enabled=True, created_at=owner.clock(),
        updated_at=owner.clock(),
    )  # fmt: skip
    store = ObjectStore(id="s3-1", region="us-east-1", bucket="mine", access_key="AKID", secret_key="secret")
    owner.store.commit(Save(source), Save(StoreSettings(stores=[store], current="s3-1")))
    copy = Copy.model_validate_json(owner.backup.make().model_dump_json())
    assert owner.backup.restore(copy) == 8
    (kept,) = everything(owner.store, Source, "SOURCES")
    assert kept.enabled, "what plays goes on"

    other = Owner()
    mine = store.model_copy(update={"id": "s3-9", "bucket": "theirs"})
    other.store.commit(Save(StoreSettings(stores=[mine], current="s3-9")))
    other.backup.restore(copy)
    found = other.store.get(StoreSettings)
    assert found is not None
    assert ([s.id for s in found.stores], found.current) == (["s3-9", "s3-1"], "s3-9")
    (quiet,) = everything(other.store, Source, "SOURCES")
    assert (quiet.enabled, quiet.url) == (False, "rtmp://h/a/k")


def test_a_copy_of_before_there_were_sources_and_stores_is_taken(owner: Owner) -> None:
    old = owner.backup.make().model_dump(mode="json", exclude={"sources", "store"})
    assert owner.backup.restore(Copy.model_validate(old)) == 6
