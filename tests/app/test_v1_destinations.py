"""Destinations by `/v1`, through the packaged application."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.model.destinations import Destination
from chalicelib.wiring.services import wiring
from tests.app.conftest import Api

from .v1_samples import KEYED


def add(api: Api, **more: Any) -> Any:
    answer = api("POST", "/v1/destinations", {"name": "Tube", "url": KEYED} | more)
    assert answer.status == 201, answer.body
    return answer.json


def test_a_destination_lives_and_never_shows_its_key(api: Api) -> None:
    made = add(api, streams=["/live/*"], platform="youtube")
    assert made["url"] == "rtmp://a.example.com/live2/***"
    path = f"/v1/destinations/{made['id']}"
    assert api("GET", path).json["push"] is None
    changed = api("PATCH", path, {"enabled": False, "name": "Other", "version": made["version"]}).json
    assert (changed["enabled"], changed["name"], changed["streams"]) == (False, "Other", ["/live/*"])
    assert [d["id"] for d in api("GET", "/v1/destinations").json["items"]] == [made["id"]]
    assert (api("DELETE", path).status, api("DELETE", path).status) == (204, 404)
    assert all(b"stream-key" not in a.body for a in api.answers)


def kept_url(made: dict[str, Any]) -> str:
    found = wiring.store.get(Destination, made["id"])
    assert found is not None
    return found.url


def test_d1_a_key_is_changed_alone_and_goes_to_no_other_server(api: Api) -> None:
    made = add(api)
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"key": "room/17?a=b#c"}).json["url"] == "rtmp://a.example.com/live2/***?***"
    assert kept_url(made) == "rtmp://a.example.com/live2#room/17?a=b#c"
    refused = api("PATCH", path, {"server": "rtmp://other.example.com/live"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "key")
    assert api("PATCH", path, {"server": "rtmp://other.example.com/a/b", "key": "k"}).status == 200
    assert kept_url(made) == "rtmp://other.example.com/a/b/k"
    assert api("PATCH", path, {"url": "srt://h:1?streamid=x"}).status == 200
    assert api("PATCH", path, {"key": "k"}).json["errors"][0]["field"] == "server"


def test_d1_what_is_shown_is_sent_back_and_changes_nothing(api: Api) -> None:
    made = add(api, url="", server="rtmp://a.example.com/live2", key="a#b")
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"url": made["url"], "name": "Other"}).status == 200
    assert kept_url(made) == "rtmp://a.example.com/live2#a#b"
    for bad in ({"url": "rtmp://b.example.com/live2/***"}, {"key": "***"}):
        assert api("PATCH", path, bad).status == 400
    assert api("POST", "/v1/destinations", {"name": "N", "url": made["url"]}).status == 400


def test_d5_a_change_of_the_url_knows_the_platform(api: Api) -> None:
    made = add(api, url="", key="k", platform="youtube")
    path = f"/v1/destinations/{made['id']}"
    answer = api("PATCH", path, {"url": "rtmps://a.rtmps.youtube.com/live2"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "key")
    assert "YouTube Studio" in answer.body.decode()


def test_the_second_of_two_editors_is_told(api: Api) -> None:
    made = add(api)
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"name": "A", "version": made["version"]}).status == 200
    assert api("PATCH", path, {"name": "B", "version": made["version"]}).status == 409
    assert api("GET", path).json["name"] == "A"


@pytest.mark.parametrize(
    "url",
    [
        "http://h/app/key-0123456789",
        "h/app/key-0123456789",
        "rtmp://",
        "rtmp:///app/key-0123456789",
        "rtmp://h",
        "rtmp://h:99999/app/key-0123456789",
        "rtmp://[::1/app/key-0123456789",
        "srt://h?streamid=key-0123456789",
        "rtmp://h/app/key-0123456789 -i /etc/passwd",
        "rtmp://h/app/key-0123456789\n",
        "file:///etc/passwd?key-0123456789",
        "-f flv key-0123456789",
    ],
)
def test_a_url_that_no_stream_can_go_to_is_refused_with_a_hint(api: Api, url: str) -> None:
    made = add(api)
    calls = [("POST", "/v1/destinations", {"name": "n"}), ("PATCH", f"/v1/destinations/{made['id']}", {})]
    for method, path, base in calls:
        answer = api(method, path, {**base, "url": url})
        if url.endswith("\n"):  # white space around it is cut off
            assert answer.status in (200, 201), answer.body
            return
        assert (answer.status, answer.fields) == (400, ["url"])
        assert len(answer.json["errors"][0]["reason"]) > 20
        assert b"key-0123456789" not in answer.body


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"url": "rtmp://h/a/" + "k" * 2000}, "url"),
        ({"platform": "Not A Platform"}, "platform"),
        ({"streams": "x"}, "streams"),
        ({"streams": ["live/*"]}, "streams"),
        ({"streams": ["/live/["]}, "glob"),
        ({"streams": ["/x"] * 51}, "streams"),
        ({"enabled": "perhaps"}, "enabled"),
    ],
)
def test_bad_fields_of_a_destination_are_named(api: Api, change: dict[str, Any], field: str) -> None:
    made = add(api)
    for method, path in (("POST", "/v1/destinations"), ("PATCH", f"/v1/destinations/{made['id']}")):
        base = {"name": "n", "url": KEYED} if method == "POST" else {}
        answer = api(method, path, base | change)
        assert answer.status == 400
        assert answer.fields[0].split(".")[0] == field


def test_missing_fields_are_all_named_at_once(api: Api) -> None:
    for raw in (b"", b"{}"):
        assert api("POST", "/v1/destinations", raw=raw).fields == ["name"]
    assert api("POST", "/v1/destinations", {"name": "n"}).fields == ["server"]
    assert api("POST", "/v1/destinations", {"name": "n", "platform": "youtube"}).fields == ["key"]
    assert api("POST", "/v1/destinations", {"name": "n", "platform": "nowhere", "key": "k"}).fields == ["platform"]
    assert api("POST", "/v1/destinations", {"name": "n", "url": KEYED, "key": "k"}).fields == ["url"]
