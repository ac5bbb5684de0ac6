"""Trial callbacks, replay, dead letters, and what would happen to a publish."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import checks, explain
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.settings import LimitSettings, PublishSettings, RecordSettings
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Put
from chalicelib.services.callbacks.checks import Checks
from chalicelib.services.callbacks.replay import MAX_DELIVERIES, Replay
from chalicelib.services.publishing.explain import Explain, parse_stream
from chalicelib.wire.edge.events import RecordingPartDone, SessionEnded, SessionLive
from chalicelib.wire.names import StreamName
from tests.fakes import BOOTSTRAP
from tests.unit.cloud_rig import STREAM, Cloud
from tests.unit.v1_client import V1


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


# trial callbacks


@given(
    st.sampled_from([None, "url", "dns", "address", "refused", "tls", "timeout", "size", "other", "new"]),
    st.one_of(st.none(), st.integers(min_value=100, max_value=599)),
    st.binary(max_size=30),
)
def test_a_verdict_always_says_what_to_do(failure: str | None, status: int | None, body: bytes) -> None:
    said = checks.verdict(failure, "words", status, body)
    assert said.ok == (said.step == "done") == (said.hint == "")
    assert said.explanation


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (Answer(None, b"", "the host name cannot be resolved", 1, "dns"), "dns"),
        (Answer(None, b"", "the connection was refused", 1, "refused"), "connect"),
        (Answer(None, b"", "the TLS certificate was not accepted", 1, "tls"), "tls"),
        (Answer(None, b"", "no answer in time", 5000, "timeout"), "timeout"),
        (Answer(302, b"", "", 1), "status"),
        (Answer(401, b"", "", 1), "status"),
        (Answer(410, b"", "", 1), "status"),
        (Answer(200, b"hello", "", 1), "body"),
        (Answer(200, b"0", "", 1), "done"),
    ],
)
def test_a_check_explains(cloud: Cloud, answer: Answer, step: str) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [answer]
    trial = Checks(cloud.settings, cloud.webhooks, cloud.clock).check(None, None)
    assert trial.verdict.step == step
    url, body, headers = cloud.sender.sent[0]
    assert (url, body["action"]) == ("http://target/hook", "check")
    assert headers["webhook-signature"].startswith("v1,")
    assert cloud.settings.get(CallbackSettings).active, "a trial switches nothing off"


def test_a_check_of_another_target_does_not_give_our_opaque_away(cloud: Cloud) -> None:
    tool = Checks(cloud.settings, cloud.webhooks, cloud.clock)
    with pytest.raises(InvalidInputError, match="no callback target"):
        tool.check(None, None)
    cloud.with_callbacks()
    tool.check("https://other/", False)
    assert (cloud.sender.sent[0][1]["opaque"], cloud.sender.verified) == ("", [False])


def test_a_check_over_http_masks_the_target(v1: V1) -> None:
    said = v1("POST", "/v1/callbacks/check", {"target": "https://u:p@h/secret?k=1"})
    assert said.json["ok"]
    assert said.json["target"] == "https://***@h/***?***"


# replay


def _story(cloud: Cloud) -> str:
    """A recorded stream that ends, while nobody listens."""
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.clock.pass_(seconds=10)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    cloud.clock.pass_(seconds=10)
    return recording


def test_a_new_target_gets_what_it_missed(cloud: Cloud) -> None:
    begin = cloud.clock()
    recording = _story(cloud)
    replay = Replay(cloud.store, cloud.settings, cloud.clock)
    with pytest.raises(ConflictError, match="switched off"):
        replay.run(begin, None)
    cloud.with_callbacks()
    done = replay.run(begin, None)
    cloud.run_stream()
    cloud.deliver()
    assert sorted(cloud.actions()) == ["on_record_begin", "on_record_end", "on_unpublish"]
    assert cloud.actions().index("on_record_begin") < cloud.actions().index("on_record_end")
    assert {b["uuid"] for _, b, _ in cloud.sender.sent if "uuid" in b} == {recording}
    assert (len(done.deliveries), done.next_from) == (3, None)
    again = replay.run(begin, None)
    assert {d.id for d in again.deliveries}.isdisjoint(d.id for d in done.deliveries)


def test_a_replay_masks_a_secret_in_a_name(cloud: Cloud) -> None:
    begin = cloud.clock()
    secretive = StreamName(app="live", stream="x" + BOOTSTRAP.publish_secret)
    session = cloud.session(1)
    for body in (cloud.admitted(), SessionLive(), SessionEnded()):
        cloud.send(cloud.event(session, body).model_copy(update={"stream": secretive}))
        cloud.clock.pass_(seconds=1)
    cloud.with_callbacks()
    (made,) = Replay(cloud.store, cloud.settings, cloud.clock).run(begin, None).deliveries
    assert BOOTSTRAP.publish_secret not in made.model_dump_json()


def test_a_replay_keeps_to_its_time(cloud: Cloud) -> None:
    cloud.with_callbacks()
    begin = cloud.clock()
    _story(cloud)
    end = cloud.clock()
    cloud.clock.pass_(hours=3)
    replay = Replay(cloud.store, cloud.settings, cloud.clock)
    assert replay.run(end, None).deliveries == []
    assert replay.run(begin - timedelta(days=2), begin).deliveries == []
    assert len(replay.run(begin, end).deliveries) == 3


@pytest.mark.parametrize(("begin", "end"), [(1, None), (0, 0), (-40 * 24, 0), (-1, -2)])
def test_an_impossible_time_is_refused(cloud: Cloud, begin: int, end: int | None) -> None:
    cloud.with_callbacks()
    now = cloud.clock()
    until = None if end is None else now + timedelta(hours=end)
    with pytest.raises(InvalidInputError):
        Replay(cloud.store, cloud.settings, cloud.clock).run(now + timedelta(hours=begin), until)
    with pytest.raises(InvalidInputError, match="time zone"):
        Replay(cloud.store, cloud.settings, cloud.clock).run(datetime(2026, 1, 1), None)  # noqa: DTZ001


def test_a_replay_stops_at_its_bound_and_says_where_to_go_on(cloud: Cloud) -> None:
    begin = cloud.clock()
    for n in range(MAX_DELIVERIES + 5):
        session = cloud.go_live(n)
        cloud.clock.pass_(milliseconds=10)
        cloud.send(cloud.event(session, SessionEnded()))
        cloud.clock.pass_(milliseconds=10)
    cloud.with_callbacks()
    replay = Replay(cloud.store, cloud.settings, cloud.clock)
    first = replay.run(begin, None)
    assert len(first.deliveries) == MAX_DELIVERIES
    assert first.next_from is not None
    assert len(replay.run(first.next_from, None).deliveries) == 5


# the log


def test_dead_letters_are_listed_page_by_page(cloud: Cloud) -> None:
    now = cloud.clock()
    for n in range(5):
        state = "dead" if n else "delivered"
        ulid = cloud.session(n)
        made = Delivery(id=ulid, action="on_unpublish", state=state, created_at=now, due_at=now, payload={})
        cloud.store.rows[("DELIVERY#" + ulid, "DELIVERY")] = made
    first = cloud.overview.deliveries("dead", 3, None)
    second = cloud.overview.deliveries("dead", 3, first.cursor)
    assert [len(first.items), len(second.items), second.cursor] == [3, 1, None]
    assert len(cloud.overview.deliveries("delivered", 3, None).items) == 1
    assert cloud.overview.deliveries("pending", 3, None).items == []


# explain


def _destination(cloud: Cloud, **more: object) -> Destination:
    now = cloud.clock()
    given = {"id": "d", "name": "D", "url": "rtmp://h/a/k", "created_at": now, "updated_at": now}
    return Destination.model_validate(given | more)


def test_who_is_let_in_and_by_which_secret() -> None:
    publish, room = PublishSettings(secret="global-secret"), RoomSecret(stream="x", room="r", secret="room-secret")
    off = CallbackSettings()
    told = explain.admitted(publish, None, off, STREAM, "?secret=global-secret")
    assert (told.allowed, told.by, told.asks, told.code) == (True, "global", False, "secret_right")
    assert explain.called(told, off).code == "callbacks_off"
    told = explain.admitted(publish, room, off, STREAM, "?secret=global-secret")
    assert (told.allowed, told.by, told.code) == (False, "room", "room_secret_wrong")
    asked = CallbackSettings(enabled=True, target="http://t/")
    told = explain.admitted(publish.model_copy(update={"auth": False}), room, asked, STREAM, "")
    assert (told.allowed, told.by, told.asks, told.code) == (True, "off", True, "no_secret_needed")
    assert explain.called(told, asked).params == {"by": "cloud"}
    told = explain.admitted(publish, room, asked, STREAM, "?secret=room-secret")
    assert told.code == "room_secret_right"
    told = explain.admitted(publish, None, asked, STREAM, "")
    assert (told.code, explain.called(told, asked).code) == ("secret_missing", "not_asked")


def test_what_is_recorded_and_why() -> None:
    def told(**more: object) -> tuple[bool, str, object]:
        found = explain.recorded(RecordSettings.model_validate(more), STREAM)
        return found.recorded, found.code, found.params

    assert told(enabled=False) == (False, "recording_off", {})
    assert told() == (True, "records_all", {})
    assert told(globs=["/a/*", "/live/*"]) == (True, "pattern_matches", {"pattern": "/live/*"})
    assert told(globs=["/a/*"]) == (False, "no_pattern_matches", {})


def test_what_is_pushed_and_why_not(cloud: Cloud) -> None:
    def told(lease: Lease | None = None, **more: object) -> explain.Pushed:
        return explain.pushed(_destination(cloud, **more), lease, STREAM)

    assert (told().pushed, told().code) == (True, "takes_all")
    assert ("switched off" in told(enabled=False).reason, told(enabled=False).code) == (True, "destination_off")
    assert ("none of its" in told(streams=["/a/*"]).reason, told(streams=["/a/*"]).code) == (True, "no_pattern_matches")
    matches = told(streams=["/live/x"])
    assert (matches.code, matches.params, "/live/x" in matches.reason) == (
        "pattern_matches",
        {"pattern": "/live/x"},
        True,
    )
    other = told(stream_name="y")
    assert (other.pushed, other.code, other.params) == (False, "other_stream_name", {"wanted": "y"})
    held = Lease(destination="d", node="n", session="s", fence=1, held=True, granted_at=cloud.clock())
    assert ("busy" in told(held).reason, told(held).code) == (True, "destination_busy")
    assert told(held).params == {"node": "n", "session": "s"}


def test_an_explanation_writes_nothing_and_agrees_with_the_gate(cloud: Cloud) -> None:
    cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    before = dict(cloud.store.rows)
    tool = Explain(cloud.store, cloud.settings, cloud.pushes)
    for param in (f"?secret={BOOTSTRAP.publish_secret}", "?secret=wrong-wrong", ""):
        told = tool.explain("live/x", param, cloud.node)
        assert told.admission.allowed == (cloud.ask(cloud.session(1), param).decision == "allow")
    assert cloud.store.rows == before
    assert not told.busy
    cloud.go_live()
    assert tool.explain("live/x", "", None).busy
    with pytest.raises(NotFoundError):
        tool.explain("live/x", "", "nobody")


def test_limits_are_told_and_refuse(cloud: Cloud) -> None:
    cloud.store.commit(Put(LimitSettings(max_streams=1, max_pushes=2, max_publish_minutes=3, max_bitrate_kbps=4)))
    tool = Explain(cloud.store, cloud.settings, cloud.pushes)
    param = f"?secret={BOOTSTRAP.publish_secret}"
    told = tool.explain("live/y", param, None)
    assert (told.admission.allowed, len(told.limits)) == (True, 4)
    cloud.go_live()
    refused = tool.explain("live/y", param, None)
    assert not refused.admission.allowed
    assert "no more than 1" in refused.admission.reason
    assert (refused.admission.code, refused.admission.params) == (
        "limit",
        {"limit": "max_streams", "most": 1, "live": 1},
    )
    assert [(limit.code, limit.params) for limit in told.limits] == [
        ("max_streams", {"most": 1}),
        ("max_pushes", {"most": 2}),
        ("max_publish_minutes", {"most": 3}),
        ("max_bitrate_kbps", {"most": 4}),
    ]
    assert refused.admission.reason == cloud.ask(cloud.session(2)).reason
    assert tool.explain("live/x", param, cloud.node).limits[0].code == "busy"
    assert tool.explain("live/直播", param, None).limits[0].code == "name_not_split"
    cloud.store.commit(Put(LimitSettings()))
    assert [limit.code for limit in tool.explain("live/x.2", param, None).limits] == ["name_folded"]


def test_stream_names_are_read_as_they_are_shown() -> None:
    for name in (STREAM, StreamName(vhost="a.example", app="live", stream="y"), StreamName(app="a/b", stream="z")):
        assert parse_stream(str(name)) == name
    for bad in ("x", "/", "a//b", "live/..", "live/ x"):
        with pytest.raises(InvalidInputError):
            parse_stream(bad)
