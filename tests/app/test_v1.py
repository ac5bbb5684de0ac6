"""`/v1` through the packaged application: good and bad input, and nothing that should not be said."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.model.callbacks import Delivery
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.app.conftest import Api, Cloud, Node
from tests.fakes import BOOTSTRAP

from .v1_samples import ULID_


def test_the_publish_secret_is_shown_and_changed(api: Api) -> None:
    assert api("GET", "/v1/settings/publish").json == {
        "secret": BOOTSTRAP.publish_secret,
        "auth": True,
        "version": 0,
    }
    changed = api("PATCH", "/v1/settings/publish", {"secret": "another-secret-1", "version": 0}).json
    assert changed == {
        "secret": "another-secret-1",
        "auth": True,
        "version": 1,
        "uses": {"items": [], "kept_in": [], "own": []},
    }
    assert api("PATCH", "/v1/settings/publish", {"auth": False, "version": 0}).status == 409
    assert api("PATCH", "/v1/settings/publish", {"auth": False}).json["auth"] is False
    assert api("GET", "/v1/settings/publish").json["secret"] == "another-secret-1"


@pytest.mark.parametrize(
    "secret", ["", "tiny-1", "with space 123", "ümlaut-secret", "a" * 101, "quote'secret", "a/b/c/d/e"]
)
def test_a_secret_that_a_url_cannot_carry_is_refused(api: Api, secret: str) -> None:
    answer = api("PATCH", "/v1/settings/publish", {"secret": secret})
    assert (answer.status, answer.fields) == (400, ["secret"])
    assert not secret or secret.encode() not in answer.body


def test_what_is_recorded_is_shown_and_changed(api: Api) -> None:
    wanted = {"enabled": False, "globs": ["/live/a*", "/x/?"], "merge_window_s": 0}
    closed = {"open_recordings": False, "link_days": 7, "trash_days": 7, "retention_days": 0}
    assert api("PATCH", "/v1/settings/record", wanted).json == wanted | closed | {"version": 1}
    assert api("GET", "/v1/settings/record").json == wanted | closed | {"version": 1}
    assert api("PATCH", "/v1/settings/record", {"enabled": True, "version": 9}).status == 409


@pytest.mark.parametrize(
    "bad",
    [
        {"merge_window_s": -1},
        {"merge_window_s": 301},
        {"link_days": 0},
        {"link_days": 31},
        {"trash_days": 0},
        {"trash_days": 91},
        {"retention_days": -1},
        {"globs": ["/["]},
        {"globs": ["/a"] * 101},
    ],
)
def test_a_record_policy_that_makes_no_sense_is_refused(api: Api, bad: dict[str, Any]) -> None:
    assert api("PATCH", "/v1/settings/record", bad).status == 400
    assert api("GET", "/v1/settings/record").json["version"] == 0


def test_where_callbacks_go_is_shown_and_changed(api: Api) -> None:
    assert api("PATCH", "/v1/settings/callbacks", {"target": "ftp://h/"}).fields == ["target"]
    assert api("PATCH", "/v1/settings/callbacks", {"on_unreachable": "perhaps"}).fields == ["on_unreachable"]
    wanted = {
        "enabled": True,
        "target": "http://h/?key=k",
        "opaque": "o",
        "host": "https://x",
        "on_unreachable": "allow",
    }
    assert api("PATCH", "/v1/settings/callbacks", wanted).json.items() >= wanted.items()
    assert api("GET", "/v1/settings/callbacks").json.items() >= wanted.items()


# nodes, streams, sessions


def test_a_join_token_enrols_once_more_and_is_shown_once(api: Api) -> None:
    made = api("POST", "/v1/join-tokens", {"name": "second"})
    assert made.status == 201
    token = made.json["token"]
    body = {"join_token": token, "nonce": "cd" * 16, "name": "edge-2", "agent_version": "0.1"}
    given = api("POST", "/edge/v1/enroll", body, token=None).json
    assert given["node"] in [n["id"] for n in api("GET", "/v1/nodes").json["items"]]
    for answer in api.answers[2:]:
        assert token.encode() not in answer.body
        assert given["token"].encode() not in answer.body


def test_a_node_is_shown_with_what_it_sees(api: Api, node: Node) -> None:
    assert api("GET", f"/v1/nodes/{node.id}").json["state"] == "never seen"
    node.sync(observed={"media_server": "srs", "media_server_up": True})
    found = api("GET", f"/v1/nodes/{node.id}").json
    assert (found["state"], found["observed"]["media_server"]) == ("online", "srs")
    assert "token" not in str(found)


def test_a_live_stream_is_shown_kicked_and_kept(api: Api, node: Node) -> None:
    session = node.go_live()
    (shown,) = api("GET", "/v1/streams").json["items"]
    assert (shown["session"], shown["stream"], shown["state"]) == (session, "live/x", "live")
    heard = node.answer_with(lambda _: {"outcome": "answered"})
    assert api("DELETE", f"/v1/streams/{session}").status == 204
    assert [(q["kind"], q["body"]["session"]) for q in heard] == [("session.kick", session)]
    node.end(session)
    assert api("GET", "/v1/streams").json["items"] == []
    assert api("DELETE", f"/v1/streams/{session}").status == 404
    assert [s["id"] for s in api("GET", "/v1/sessions").json["items"]] == [session]


def test_a_secret_in_a_stream_name_is_masked_everywhere(api: Api, node: Node) -> None:
    stream = {"app": "live", "stream": f"x{BOOTSTRAP.publish_secret}"}
    session = node.go_live(stream)
    (shown,) = api("GET", "/v1/streams").json["items"]
    assert shown["stream"] == "live/x***"
    node.tell(node.event("recording.started", session, stream, recording=shown["recording"]))
    node.tell(node.event("session.ended", session, stream))
    for path in ("/v1/streams", "/v1/sessions", "/v1/recordings", "/v1/events"):
        assert BOOTSTRAP.publish_secret.encode() not in api("GET", path).body, path


def test_pages_follow_each_other(api: Api, node: Node) -> None:
    sessions = [node.go_live({"app": "live", "stream": f"s{i}"}) for i in range(5)]
    for session in sessions:
        node.end(session)
    found: list[str] = []
    cursor = ""
    while True:
        page = api("GET", f"/v1/sessions?limit=2{cursor}").json
        assert len(page["items"]) <= 2
        found += [s["id"] for s in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == sorted(sessions, reverse=True)


def test_events_are_listed_newest_first(api: Api, node: Node) -> None:
    node.end(node.go_live())
    kinds = [e["kind"] for e in api("GET", "/v1/events").json["items"]]
    assert kinds == ["session.ended", "session.live", "session.admitted"]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api("GET", "/v1/events?limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        found += [e["kind"] for e in page["items"]]
        cursor = page["cursor"]
    assert found == kinds


# recordings


def segments_of(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_recording_is_shown_shared_and_deleted(api: Api, recorded: str, cloud: Cloud) -> None:
    assert [r["id"] for r in api("GET", "/v1/recordings").json["items"]] == [recorded]
    shown = api("GET", f"/v1/recordings/{recorded}").json
    assert (shown["segments"], shown["duration_ms"], shown["bytes"]) == (2, 4000, 376)
    assert api("GET", f"/v1/recordings/{recorded}/manifest").status == 404
    share = api("POST", f"/v1/recordings/{recorded}/shares")
    assert share.status == 201
    playlist = api("GET", share.json["links"]["hls"], token=None)
    assert playlist.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    names = segments_of(playlist.body.decode())
    assert len(names) == 2
    base = share.json["links"]["hls"].rsplit("/", 1)[0]
    for name in names:
        found = api("GET", f"{base}/{name}", token=None)
        assert found.headers["access-control-allow-origin"] == "*"
        head = api("HEAD", f"{base}/{name}", token=None)
        assert (head.status, head.body) == (found.status, b"")
        if found.status == 200:  # the front gives it out, by its key
            assert found.headers["x-accel-redirect"] == f"recordings/{recorded}/{name}"
            continue
        link = found.headers["location"]
        assert f"/{recorded}/" in link
        assert "X-Amz-Signature" in link
        # S3 signs for one method.
        assert head.headers["location"].split("Signature=")[1] != link.split("Signature=")[1]
    head = api("HEAD", share.json["links"]["hls"], token=None)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert api("DELETE", f"/v1/recordings/{recorded}").status == 204
    assert cloud.objects() != []
    assert api("POST", f"/v1/recordings/{recorded}/purge").status == 204
    assert cloud.objects() == []
    assert api("GET", share.json["links"]["hls"], token=None).status == 404


def test_a_running_recording_is_not_deleted(api: Api, node: Node) -> None:
    session = node.go_live()
    recording = api("GET", "/v1/streams").json["items"][0]["recording"]
    node.tell(node.event("recording.started", session, recording=recording))
    assert api("DELETE", f"/v1/recordings/{recording}").status == 409


@pytest.mark.parametrize("seconds", [59, 30 * 24 * 3600 + 1, -1, 10**30])
def test_a_share_lives_a_minute_to_thirty_days(api: Api, recorded: str, seconds: int) -> None:
    answer = api("POST", f"/v1/recordings/{recorded}/shares", {"expires_s": seconds})
    assert (answer.status, answer.fields) == (400, ["expires_s"])


def test_a_share_opens_one_recording_only(api: Api, recorded: str) -> None:
    base = api("POST", f"/v1/recordings/{recorded}/shares").json["links"]["hls"].rsplit("/", 1)[0]
    for name in ("other.mp4", "index.mp4%00", "..%2f..%2fx", "manifest.jsonx"):
        assert api("GET", f"{base}/{name}", token=None).status == 404
    assert api("GET", f"{base}/n1/{ULID_}/manifest.json", token=None).status == 404
    for name in ("index.mp4", "thumbnail.jpg", "manifest.json"):
        assert api("GET", f"{base}/{name}", token=None).status in (200, 302)
    head, token = base.rsplit("/", 1)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for forged in ("x", "a.b.c", token[:-4] + "AAAA", f"{none}.{token.split('.')[1]}."):
        assert api("GET", f"{head}/{forged}/index.m3u8", token=None).status == 403


# deliveries


@pytest.mark.parametrize("state", ["refused", "dead"])
def test_what_was_refused_and_what_is_dead_are_told_apart(api: Api, state: str) -> None:
    now = datetime.now(UTC)
    for n, of in enumerate(("refused", "dead", "delivered")):
        made = ULID_[:-1] + str(n)
        one = {"id": made, "action": "on_publish", "state": of, "created_at": now, "due_at": now, "payload": {}}
        wiring.store.commit(Save(Delivery.model_validate(one)))
    assert [d["state"] for d in api("GET", f"/v1/deliveries?state={state}").json["items"]] == [state]
    assert len(api("GET", "/v1/deliveries").json["items"]) == 3
    assert api("GET", "/v1/deliveries?state=no").status == 400


def test_a_dead_callback_is_listed_and_sent_again(api: Api, node: Node, cloud: Cloud) -> None:
    api("PATCH", "/v1/settings/callbacks", {"enabled": True, "target": "http://127.0.0.1:1/cb", "opaque": "o-1234"})
    node.end(node.go_live())
    (pending,) = api("GET", "/v1/deliveries").json["items"]
    assert (pending["action"], pending["state"], pending["attempts"]) == ("on_unpublish", "pending", [])
    wiring.callbacks.deliver(pending["id"])
    (tried,) = api("GET", "/v1/deliveries").json["items"]
    assert tried["attempts"][0]["error"] == "the connection was refused"
    assert "127.0.0.1:1/cb" not in json.dumps(tried)
    cloud.queued("callbacks")
    assert api("POST", f"/v1/deliveries/{pending['id']}/resend").status == 202
    assert {"delivery": pending["id"]} in cloud.queued("callbacks")
