"""The change feed, and listings that are as the caller has them."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.test import Client

from chalicelib.domain.changes import ALL
from chalicelib.wiring.services import wiring

from .conftest import Api

EVERY = sorted(ALL)


def changed(api: Api, since: str) -> Any:
    return api("GET", f"/v1/changes?since={since}&wait_s=0").json


def test_a_change_is_told_by_subject_to_any_caller(api: Api, client: Client) -> None:
    start = changed(api, "")
    assert start["subjects"] == []
    reader = Api(client, api("POST", "/v1/tokens", {"name": "r", "scope": "read:rooms"}).json["token"])
    found = changed(reader, start["cursor"])
    assert {"tokens", "audit"} <= set(found["subjects"])
    if not found["held"]:
        assert found["subjects"] == EVERY
        return
    assert "rooms" not in found["subjects"]
    assert changed(reader, found["cursor"])["subjects"] == []
    api("POST", "/v1/rooms", {"title": "Guest"})
    assert {"rooms", "audit"} <= set(changed(reader, found["cursor"])["subjects"])


@pytest.mark.parametrize("cursor", ["x", "0-0", "-", "00000000-99999999999999999", "%C2%B2", "a-%D9%A3"])
def test_of_a_cursor_that_is_not_known_everything_has_changed(api: Api, cursor: str) -> None:
    assert changed(api, cursor)["subjects"] == EVERY


def test_strangers_are_told_nothing(client: Client) -> None:
    assert Api(client)("GET", "/v1/changes").status == 401


@pytest.mark.parametrize("query", ["wait_s=26", "wait_s=-1", f"since={'x' * 41}", "until=1"])
def test_what_makes_no_sense_is_refused(api: Api, query: str) -> None:
    assert api("GET", f"/v1/changes?{query}").status == 400


def test_a_listing_that_is_as_it_was_is_not_sent_again(api: Api) -> None:
    first = api("GET", "/v1/destinations")
    tag: dict[str, Any] = {"If-None-Match": first.headers["etag"]}
    assert first.headers["cache-control"] == "private, no-cache"
    same = api("GET", "/v1/destinations", **tag)
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", first.headers["etag"])
    body = {"name": "d", "url": "rtmp://example.com/live/key"}
    assert api("POST", "/v1/destinations", body).status == 201
    assert api("GET", "/v1/destinations", **tag).status == 200
    assert api("GET", "/v1/destinations?limit=1", **{"If-None-Match": "*"}).status == 304  # type: ignore[arg-type]


def test_what_shows_a_secret_is_not_kept_by_browsers(api: Api) -> None:
    api("POST", "/v1/rooms", {"title": "Guest"})
    answer = api("GET", "/v1/rooms")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["etag"]


def test_what_one_caller_has_is_not_taken_for_what_another_may_see(api: Api, client: Client) -> None:
    helper = Api(client, api("POST", "/v1/tokens", {"name": "h", "scope": "read", "kind": "support"}).json["token"])
    api("POST", "/v1/rooms", {"title": "Guest"})
    tag: dict[str, Any] = {"If-None-Match": api("GET", "/v1/rooms").headers["etag"]}
    assert helper("GET", "/v1/rooms", **tag).status == 200
    assert Api(client)("GET", "/v1/rooms", **tag).status == 401
    assert wiring.changes.since("").subjects == frozenset()
