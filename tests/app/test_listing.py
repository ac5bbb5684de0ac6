"""Rooms and sources: found, sorted, and seen by who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.model.rooms import Room
from chalicelib.domain.model.sources import Source, SourceFile
from chalicelib.ports.store import Save
from chalicelib.services import listing
from chalicelib.wiring.installation import now
from chalicelib.wiring.services import wiring

from .conftest import Api, Node


def _items(api: Api, path: str, name: str) -> list[Any]:
    """A field of what a listing gives, all of its pages."""
    found: list[Any] = []
    cursor = ""
    while True:
        answer = api("GET", path + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.body
        found += [item[name] for item in answer.json["items"]]
        cursor = answer.json["cursor"]
        if not cursor:
            return found


@pytest.fixture
def rooms(api: Api) -> list[str]:
    """Titles of rooms, as they were made."""
    titles = ["Berta", "anton", "Cäsar", "Anna & co"]
    for n, title in enumerate(titles):
        at = now() + timedelta(seconds=n)
        room = Room(id=f"r{n}", title=title, stream=f"stream{n}", secret=f"secret-{n}-xyz", created_at=at)
        wiring.store.commit(Save(room))
    return titles


def test_rooms_are_sorted_and_found(api: Api, rooms: list[str]) -> None:
    assert _items(api, "/v1/rooms?limit=3", "title") == rooms[::-1]
    assert _items(api, "/v1/rooms?limit=3&sort=created_at", "title") == rooms
    assert _items(api, "/v1/rooms?limit=3&sort=title", "title") == ["Anna & co", "anton", "Berta", "Cäsar"]
    assert _items(api, "/v1/rooms?limit=1&sort=-title", "title") == ["Cäsar", "Berta", "anton", "Anna & co"]
    assert _items(api, "/v1/rooms?limit=1&q=AN", "title") == ["Anna & co", "anton"]
    assert _items(api, "/v1/rooms?limit=1&q=stream2", "title") == ["Cäsar"]
    assert _items(api, "/v1/rooms?q=secret-1", "title") == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/rooms?sort=secret",
        "/v1/rooms?qq=x",
        "/v1/sources?kind=cat",
        "/v1/sources?enabled=maybe",
        "/v1/sources?sort=url",
    ],
)
def test_what_is_no_filter_is_refused(api: Api, path: str) -> None:
    assert api("GET", path).status == 400


@pytest.mark.parametrize("cursor", ["x", "YXQ6LTE=", "YXQ6OTk5OTk5OTk5OQ==", "%20", "YXQ6MQ"])
def test_a_cursor_of_elsewhere_is_refused(api: Api, rooms: list[str], cursor: str) -> None:
    assert api("GET", f"/v1/rooms?sort=title&cursor={cursor}").status == 400


def test_what_are_too_many_to_sort_says_so(api: Api, rooms: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_SORTED", 3)
    answer = api("GET", "/v1/rooms?sort=title")
    assert (answer.status, answer.json["code"]) == (409, "too_many_to_sort")
    assert api("GET", "/v1/rooms").status == 200


def test_a_room_is_made_in_one_call(api: Api, node: Node) -> None:
    made = api("POST", "/v1/rooms", {"title": "Guest", "stream": "guest-1", "secret": "s3cret-of-guest"})
    assert made.status == 201
    assert (made.json["stream"], made.json["secret"]) == ("guest-1", "s3cret-of-guest")
    publish = next(a for a in made.json["addresses"] if a["protocol"] == "rtmp" and a["direction"] == "publish")
    assert publish["node"] == node.id
    again = api("POST", "/v1/rooms", {"stream": "guest-1"})
    assert (again.status, again.json["code"]) == (409, "stream_name_taken")
    assert api("POST", "/v1/rooms", {"stream": "a b"}).status == 400
    assert api("POST", "/v1/rooms", {"secret": "short"}).status == 400
    assert api("POST", "/v1/rooms").json["secret"]


def test_who_may_only_read_sees_no_secret_of_a_room(api: Api, rooms: list[str]) -> None:
    reader = api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"]
    owner = api("POST", "/v1/tokens", {"name": "o", "scope": "read admin:rooms/r1"}).json["token"]
    listed = api("GET", "/v1/rooms", token=reader)
    assert {room["secret"] for room in listed.json["items"]} == {"***"}
    assert b"secret-" not in listed.body
    assert b"secret-" not in api("GET", "/v1/rooms/r1", token=reader).body
    assert api("GET", "/v1/rooms/r1", token=owner).json["secret"] == "secret-1-xyz"
    assert api("GET", "/v1/rooms/r2", token=owner).json["secret"] == "***"
    assert api("PATCH", "/v1/rooms/r1", {"title": "x"}, token=reader).status == 403


@pytest.fixture
def sources(api: Api, node: Node) -> None:
    """A loop of two files, a camera and a stream."""
    files = [SourceFile(name=f"{n}.mp4", uuid=f"u{n}", target=f"vlive/u{n}.mp4", type="upload") for n in "ab"]
    camera = SourceFile(name="192.0.2.1", uuid="u3", target="rtsp://u:hidden@192.0.2.1/x", type="stream")
    base = {"created_at": now(), "updated_at": now(), "enabled": False}
    for made in (
        {"id": "01a", "kind": "file", "name": "Zoo loop", "inputs": files, "node": node.id},
        {"id": "01b", "kind": "camera", "name": "Door", "inputs": [camera], "node": "n2"},
        {"id": "01c", "kind": "stream", "name": "Elsewhere", "inputs": [], "node": node.id},
    ):
        wiring.store.commit(Save(Source.model_validate(base | made)))


def test_sources_are_sorted_and_found(api: Api, node: Node, sources: None) -> None:
    assert _items(api, "/v1/sources?limit=2", "id") == ["01a", "01b", "01c"]
    assert _items(api, "/v1/sources?limit=2&sort=-created_at", "id") == ["01c", "01b", "01a"]
    assert _items(api, "/v1/sources?limit=1&sort=name", "id") == ["01b", "01c", "01a"]
    assert _items(api, "/v1/sources?kind=camera", "id") == ["01b"]
    assert _items(api, f"/v1/sources?node={node.id}&limit=1", "id") == ["01a", "01c"]
    assert _items(api, "/v1/sources?q=b.MP4", "id") == ["01a"]
    assert _items(api, "/v1/sources?q=hidden", "id") == []
    assert _items(api, "/v1/sources?enabled=true", "id") == []


def test_the_order_of_a_playlist_is_changed(api: Api, sources: None) -> None:
    changed = api("PATCH", "/v1/sources/01a", {"order": ["ub", "ua"]})
    assert [i["uuid"] for i in changed.json["inputs"]] == ["ub", "ua"]
    for order in (["ua"], ["ua", "ua"], ["ua", "ux"], ["ua", "ub", "ub"], []):
        refused = api("PATCH", "/v1/sources/01a", {"order": order})
        assert (refused.status, refused.json["code"]) == (400, "order_incomplete")
    stale = {"order": ["ua", "ub"], "version": 1}
    assert api("PATCH", "/v1/sources/01a", stale).status == 409


def test_an_upload_is_begun_at_the_node(api: Api, node: Node) -> None:
    begun = {"id": "7f240664-bee1-4bd8-b443-394259822f7c", "token": "t0ken", "offset": 5, "chunk_bytes": 10}
    heard = node.answer_with(lambda asked: {"outcome": "answered", "data": begun})
    made = api("POST", "/v1/uploads", {"name": "x.mp4", "size": 20, "fingerprint": "f"})
    assert (made.status, made.json["offset"], made.json["path"]) == (201, 5, f"/v1/uploads/{begun['id']}")
    assert heard[0]["body"] == {"kind": "upload.begin", "name": "x.mp4", "size": 20, "fingerprint": "f"}
    full = {"outcome": "refused", "field": "size", "error": "the disk has 1 MB left", "code": "disk_full"}
    wiring.__dict__.pop("uploading")
    node.answer_with(lambda asked: full)
    refused = api("POST", "/v1/uploads", {"name": "x.mp4", "size": 20})
    assert (refused.status, refused.json["code"]) == (400, "disk_full")
    reader = api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"]
    assert api("POST", "/v1/uploads", {"name": "x.mp4", "size": 20}, token=reader).status == 403
    for bad in (
        {"name": "", "size": 1},
        {"name": "x.mp4", "size": 0},
        {"name": "x.mp4"},
        {"name": "x" * 256, "size": 1},
    ):
        assert api("POST", "/v1/uploads", bad).status == 400


@pytest.mark.parametrize(
    "path", ["/v1/events?since", "/v1/audit?until", "/v1/recordings?from", "/v1/sessions?until", "/v1/deliveries?since"]
)
@pytest.mark.parametrize("moment", ["0.5", "1795712435", "1795712435903", "12:00", "2026-11-22T12:00:00"])
def test_a_time_is_written_out_with_its_zone(api: Api, path: str, moment: str) -> None:
    assert api("GET", f"{path}={moment}").status == 400
    assert api("GET", f"{path}=2026-11-22T12:00:00Z").status == 200
