"""What a new publish secret breaks, and what it does not (N6)."""

from __future__ import annotations

import pytest

from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.settings import LimitSettings, PublishSettings
from chalicelib.domain.model.sources import Source
from chalicelib.domain.targets import is_own
from chalicelib.ports.store import Save
from chalicelib.services.publishing.uses import SecretUses, Use
from chalicelib.wire.edge.events import SessionAdmitted, SessionEnded, SessionLive
from chalicelib.wire.edge.publish import PublishRequest, PublishResponse
from chalicelib.wire.names import StreamName
from tests.unit.cloud_rig import STREAM, Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def ask(cloud: Cloud, *, own: bool, stream: StreamName = STREAM) -> PublishResponse:
    request = PublishRequest(
        session=cloud.session(1), at=cloud.clock(), stream=stream, client_id="c", service_id="s", own=own
    )
    return cloud.publishing.decide(f"Bearer {cloud.token}", request)


def uses(cloud: Cloud, days: int = 7) -> list[Use]:
    return SecretUses(cloud.store, cloud.settings, cloud.clock).recent(days)


def publish(cloud: Cloud, n: int, stream: str, how: str, *, ends: bool = False) -> None:
    facts = [SessionAdmitted(client_id="c", service_id="s", client_ip="192.0.2.7", how=how), SessionLive()]
    name = StreamName(app="live", stream=stream)
    session = cloud.session(n)
    for fact in [*facts, *([SessionEnded()] if ends else [])]:
        cloud.send(cloud.event(session, fact).model_copy(update={"stream": name}))
    cloud.clock.pass_(minutes=1)


def test_n6_our_own_workers_need_no_secret_not_even_a_room_s(cloud: Cloud) -> None:
    assert ask(cloud, own=False).decision == "deny"
    assert (ask(cloud, own=True).decision, ask(cloud, own=True).how) == ("allow", "own")
    cloud.store.commit(Save(RoomSecret(stream=STREAM.stream, room="r", secret="of-the-room")))
    assert ask(cloud, own=True).decision == "allow"
    cloud.store.commit(Save(LimitSettings(max_streams=0)))
    assert ask(cloud, own=True).code == "limit", "what limits everybody limits them"


def test_n6_an_answer_says_by_which_secret(cloud: Cloud) -> None:
    assert cloud.ask(cloud.session(1)).how == "secret:0"
    cloud.settings.set_publish(secret="another-secret", auth=None)
    assert cloud.ask(cloud.session(1), "?secret=another-secret").how == "secret:1"
    cloud.settings.set_publish(secret="another-secret", auth=None)
    assert cloud.ask(cloud.session(1), "?secret=another-secret").how == "secret:1", "the same is none"
    cloud.settings.set_publish(secret=None, auth=False)
    assert cloud.ask(cloud.session(1), "").how == "open"


def test_n6_who_used_an_old_secret_lately_is_listed(cloud: Cloud) -> None:
    publish(cloud, 1, "long-ago", "secret:0", ends=True)
    cloud.clock.pass_(hours=24 * 8)
    publish(cloud, 2, "encoder", "secret:0", ends=True)
    publish(cloud, 3, "encoder", "secret:0", ends=True)
    publish(cloud, 4, "camera", "secret:0")
    publish(cloud, 5, "copy", "own")
    publish(cloud, 6, "room", "room")
    publish(cloud, 7, "outage", "")
    assert [(u.stream, u.which, u.live) for u in uses(cloud)] == [
        ("live/outage", "unknown", True),
        ("live/camera", "current", True),
        ("live/encoder", "current", False),
    ]
    assert next(u for u in uses(cloud) if u.stream == "live/encoder").session == cloud_session(cloud, "encoder")
    cloud.settings.set_publish(secret="another-secret", auth=None)
    publish(cloud, 8, "new", "secret:1")
    assert {u.stream: u.which for u in uses(cloud)} == {
        "live/new": "current",
        "live/outage": "unknown",
        "live/camera": "old",
        "live/encoder": "old",
    }
    assert "live/long-ago" in {u.stream for u in uses(cloud, 30)}


def cloud_session(cloud: Cloud, stream: str) -> str:
    found = [s for s in cloud.overview.sessions(100, None).items if s.stream.stream == stream]
    return max(found, key=lambda s: s.admitted_at).id


def test_n6_a_secret_in_a_target_elsewhere_is_named_before_and_after_it_is_changed(cloud: Cloud) -> None:
    before = cloud.settings.get(PublishSettings).secret
    now = cloud.clock()
    at = {"created_at": now, "updated_at": now}
    for name, host in (("Here", "127.0.0.1"), ("Other", "edge2.example"), ("Plain", "127.0.0.1/plain")):
        url = f"rtmp://{host}/live/x?secret={before if name != 'Plain' else 'none'}"
        cloud.store.commit(Save(Destination(id=name, name=name, url=url, **at)))
    lobby = Source(id="s1", name="Lobby", kind="file", url=f"rtmp://localhost/live/lobby?secret={before}", **at)
    cloud.store.commit(Save(lobby))
    looked = SecretUses(cloud.store, cloud.settings, cloud.clock)
    expected = [
        ("destination", "Other", False),
        # What runs on its own node needs none; it holds one all the same.
        ("destination", "Here", True),
        ("source", "Lobby", True),
    ]
    assert [(k.of, k.name, k.goes_on) for k in looked.kept_in()] == expected, "so that a change can be rehearsed"
    cloud.settings.set_publish(secret="another-secret", auth=None)
    assert [(k.of, k.name, k.goes_on) for k in looked.kept_in()] == expected


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("rtmp://127.0.0.1/live/x", True),
        ("rtmp://127.0.0.1:1936/live/x", False),
        ("rtmp://edge.example/live/x", False),
        ("srt://localhost:10080?streamid=#!::r=live/x,m=publish", True),
        ("srt://localhost:10080?streamid=live/x", False),
        ("what is this", False),
    ],
)
def test_only_the_server_beside_a_worker_asks_it_for_no_secret(url: str, own: bool) -> None:
    assert is_own(url, {1935, 10080}) is own
