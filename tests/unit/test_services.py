"""The use cases of the cloud on fakes: an edge's story from enrolment to the finished recording."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.errors import (
    ConflictError,
    InvalidInputError,
    UnauthenticatedError,
)
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination, Lease, PushStatus
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.sessions import Session
from chalicelib.ports.sending import Answer
from chalicelib.services.edges.sync import Liveness
from chalicelib.wire.edge.events import (
    EventBatch,
    PushState,
    SessionEnded,
    SessionLive,
    SessionRefused,
)
from chalicelib.wire.edge.observed import ObservedNode, SyncRequest
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import recording_id
from tests.fakes import (
    BOOTSTRAP,
)
from tests.unit.cloud_rig import Cloud, another_node, enrolment


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_nodes_learn_at_once_what_they_decide_by_while_the_cloud_is_away(cloud: Cloud) -> None:
    other = another_node(cloud)
    cloud.run_stream()
    cloud.nudger.nudged.clear()
    cloud.with_callbacks()
    cloud.run_stream()
    assert sorted(cloud.nudger.nudged) == sorted([cloud.node, other])
    cloud.nudger.nudged.clear()
    cloud.settings.set_record(enabled=True)
    cloud.run_stream()
    assert cloud.nudger.nudged == []


# enrolment and callers


def test_the_same_nonce_is_the_same_node_and_ends_the_old_token(cloud: Cloud) -> None:
    again = cloud.enrolment.enroll(enrolment())
    assert again.node == cloud.node
    assert cloud.auth.node_of(f"Bearer {again.token}") == cloud.node
    with pytest.raises(UnauthenticatedError):
        cloud.auth.node_of(f"Bearer {cloud.token}")


def test_a_made_join_token_works_for_an_hour(cloud: Cloud) -> None:
    token, _ = cloud.enrolment.create_join_token()
    assert cloud.enrolment.enroll(enrolment("c" * 32, token)).node != cloud.node
    cloud.clock.pass_(hours=1, seconds=1)
    with pytest.raises(UnauthenticatedError):
        cloud.enrolment.enroll(enrolment("d" * 32, token))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer a b", "Bearer wrong", "Bearer \udcff"])
def test_bad_credentials_are_refused(cloud: Cloud, header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        cloud.auth.check_api(header)
    with pytest.raises(UnauthenticatedError):
        cloud.auth.node_of(header)


def test_a_node_token_does_not_open_the_management_api(cloud: Cloud) -> None:
    with pytest.raises(UnauthenticatedError):
        cloud.auth.check_api(f"Bearer {cloud.token}")
    assert cloud.auth.check_api(f"bearer {BOOTSTRAP.api_secret}") == "api-secret"


# publish


def test_publish_with_the_right_and_a_wrong_secret(cloud: Cloud) -> None:
    yes = cloud.ask(cloud.session(1))
    assert (yes.decision, yes.plan.recording) == ("allow", recording_id(cloud.session(1)))
    assert cloud.ask(cloud.session(1), "?secret=wrong-wrong").decision == "deny"
    assert not [e for e in cloud.store.rows.values() if isinstance(e, Session)], "asking writes nothing"


def test_the_publish_callback_may_refuse(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(200, b'{"code":1}', "", 3)]
    assert cloud.ask(cloud.session(1)).decision == "deny"
    assert cloud.sender.sent[0][1]["param"] == f"?secret={BOOTSTRAP.publish_secret}"
    kept = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert [(d.action, d.state) for d in kept] == [("on_publish", "refused")]
    assert BOOTSTRAP.publish_secret not in "".join(e.model_dump_json() for e in kept)


def test_a_callback_that_hangs_refuses(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(None, b"", "no answer in time", 5000)]
    assert "no answer in time" in cloud.ask(cloud.session(1)).reason


# events


def test_events_are_taken_once(cloud: Cloud) -> None:
    facts = [cloud.event(cloud.session(1), cloud.admitted()), cloud.event(cloud.session(1), SessionLive())]
    assert cloud.send(*facts) == ["accepted", "accepted"]
    assert cloud.send(*facts) == ["duplicate", "duplicate"]
    assert len([e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)]) == 2
    seen = cloud.store.get(Heartbeat, cloud.node)
    assert seen is not None
    assert seen.acked_seq == 2


def test_one_bad_event_does_not_hold_up_the_others(cloud: Cloud) -> None:
    good = cloud.event(cloud.session(1), cloud.admitted()).model_dump(mode="json")
    answer = cloud.ingest.take(cloud.node, EventBatch(events=[{"id": "x"}, good, {"kind": "?"}]))
    assert [r.outcome for r in answer.results] == ["refused", "accepted", "refused"]


def test_the_ledger_masks_a_secret_in_a_name(cloud: Cloud) -> None:
    secretive = StreamName(app="live", stream="x" + BOOTSTRAP.publish_secret)
    event = cloud.event(cloud.session(1), cloud.admitted()).model_copy(update={"stream": secretive})
    cloud.send(event)
    kept = [e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)]
    assert BOOTSTRAP.publish_secret not in kept[0].model_dump_json()


def test_a_second_publisher_that_is_refused_changes_nothing(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    first = cloud.go_live(1)
    lease = next(e for e in cloud.store.rows.values() if isinstance(e, Lease))
    second = cloud.session(2)
    cloud.send(cloud.event(second, cloud.admitted()), cloud.event(second, SessionRefused(reason="busy")))
    cloud.deliver()
    assert cloud.actions() == []
    assert [s.session.id for s in cloud.overview.streams()] == [first]
    assert next(e for e in cloud.store.rows.values() if isinstance(e, Lease)) == lease


# pushes


def test_a_live_session_gets_its_push_and_gives_it_back(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=["/live/*"], enabled=True)
    session = cloud.go_live()
    assert cloud.nudger.nudged
    push = cloud.sync().desired.pushes[0]
    assert (push.destination, push.session, push.fence, push.url) == (target.id, session, 1, "rtmp://h/a/k")
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=1, state="running", bitrate_kbps=900)))
    assert cloud.targets.get(target.id).status == cloud.store.get(PushStatus, target.id)
    cloud.send(cloud.event(session, SessionEnded()))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert lease.held, "held until the node confirms its stop"
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=1, state="stopped")))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert not lease.held


def test_a_lease_goes_to_the_next_session_only_after_the_stop(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    first, second = cloud.go_live(1), cloud.go_live(2)
    cloud.send(cloud.event(first, SessionEnded()))
    running = {"destination": target.id, "session": first, "fence": 1, "state": "running"}
    assert cloud.sync(pushes=[running]).desired.pushes == []
    cloud.send(cloud.event(first, PushState(destination=target.id, fence=1, state="stopped")))
    pushes = cloud.sync().desired.pushes
    assert [(p.session, p.fence) for p in pushes] == [(second, 2)]


def test_a_stale_stop_frees_nothing(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    session = cloud.go_live()
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=7, state="stopped")))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert lease.held


def test_disabling_takes_the_push_away_and_a_node_without_the_worker_frees_it(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    cloud.go_live()
    cloud.nudger.nudged.clear()
    cloud.targets.change(target.id, {"enabled": False}, None)
    cloud.run_stream()
    assert cloud.nudger.nudged == [cloud.node]
    assert cloud.sync().desired.pushes == []
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert not lease.held


def test_a_lost_dispatch_is_made_up_for_by_the_next_sync(cloud: Cloud) -> None:
    session = cloud.session(1)
    cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    batch = [cloud.event(session, cloud.admitted()), cloud.event(session, SessionLive())]
    cloud.ingest.take(cloud.node, EventBatch(events=[e.model_dump(mode="json") for e in batch]))
    cloud.dispatched = len(cloud.store.changes)  # the stream's records are lost
    assert [p.session for p in cloud.sync().desired.pushes] == [session]


def test_an_edit_from_an_old_reading_conflicts(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    cloud.targets.change(target.id, {"name": "E"}, target.version)
    with pytest.raises(ConflictError):
        cloud.targets.change(target.id, {"name": "F"}, target.version)
    assert isinstance(cloud.store.get(Destination, target.id), Destination)


# sync


def test_a_sync_tells_only_what_is_new(cloud: Cloud) -> None:
    first = cloud.sync()
    assert first.desired is not None
    assert first.snapshot is not None
    assert first.credentials is None
    request = SyncRequest(
        agent_version="1",
        revision=first.revision,
        snapshot_revision=first.snapshot.revision,
        want_credentials=True,
        observed=ObservedNode(),
    )
    second = cloud.syncing.sync(cloud.node, request)
    assert (second.desired, second.snapshot) == (None, None)
    assert second.credentials is not None


def test_a_session_that_was_over_before_its_plan_was_known_gets_it(cloud: Cloud) -> None:
    session = cloud.session(1)
    facts = [cloud.admitted(), SessionLive(), SessionEnded()]
    cloud.send(*(cloud.event(session, fact) for fact in facts))
    request = SyncRequest(agent_version="1", unplanned=[session], observed=ObservedNode())
    [plan] = cloud.syncing.sync(cloud.node, request).desired.sessions  # type: ignore[union-attr]
    assert (plan.session, plan.recording) == (session, recording_id(session))


def test_a_new_secret_makes_a_new_snapshot(cloud: Cloud) -> None:
    before = cloud.sync().snapshot
    cloud.settings.set_publish(secret="another-secret", auth=None)
    cloud.run_stream()
    after = cloud.sync().snapshot
    assert before.revision != after.revision
    assert "another-secret" not in after.model_dump_json()


def test_silent_nodes_are_noticed_and_come_back(cloud: Cloud) -> None:
    cloud.go_live()
    cloud.sync()
    liveness = Liveness(cloud.store, cloud.clock)
    assert liveness.check() == 0
    cloud.clock.pass_(minutes=10)
    assert liveness.check() == 1
    assert cloud.overview.streams()[0].stale
    cloud.sync()
    assert not cloud.overview.streams()[0].stale


# settings


@pytest.mark.parametrize("secret", ["short", "has space here", "x" * 101, "slash/slash/slash", "ümläuts-are-out"])
def test_bad_publish_secrets_are_refused(cloud: Cloud, secret: str) -> None:
    with pytest.raises(InvalidInputError):
        cloud.settings.set_publish(secret=secret, auth=None)


def test_callbacks_need_a_target_to_be_sent(cloud: Cloud) -> None:
    assert not cloud.settings.set_callbacks({"enabled": True}).active
    with pytest.raises(InvalidInputError):
        cloud.settings.set_callbacks({"target": "ftp://x"})


def test_events_are_listed_newest_first(cloud: Cloud) -> None:
    session = cloud.go_live()
    cloud.clock.pass_(seconds=5)
    cloud.send(cloud.event(session, SessionEnded()))
    assert cloud.overview.events(2, None).items[0].kind == "session.ended"
    assert json.dumps([e.model_dump(mode="json") for e in cloud.overview.events(10, None).items])
