"""Destinations as the console works with them: their order, a try at once, why a push fails, what would not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.model.destinations import Destination
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.app.conftest import STREAM, Api, Node
from tests.fakes import BOOTSTRAP

KEY = "key-0123456789"
HEVC = {"state": "live", "video": "HEVC 1920x1080", "audio": "AAC 44100/2"}


def add(api: Api, name: str = "d", **more: Any) -> str:
    made = api("POST", "/v1/destinations", {"name": name, "url": f"rtmp://h/{name}/{KEY}"} | more)
    assert made.status == 201, made.body
    return str(made.json["id"])


def listed(api: Api, query: str = "") -> list[str]:
    return [d["name"] for d in api("GET", f"/v1/destinations{query}").json["items"]]


def test_destinations_keep_the_order_that_they_are_given(api: Api) -> None:
    made = {name: add(api, name) for name in "abc"}
    assert listed(api) == ["a", "b", "c"]
    assert api("PATCH", f"/v1/destinations/{made['c']}", {"position": 1}).json["position"] == 1
    assert api("PATCH", f"/v1/destinations/{made['a']}", {"position": 1000}).status == 200
    assert listed(api) == ["c", "b", "a"]
    first = api("GET", "/v1/destinations?limit=2").json
    rest = api("GET", f"/v1/destinations?limit=2&cursor={first['cursor']}").json
    assert [d["name"] for d in first["items"] + rest["items"]] == ["c", "b", "a"]
    assert add(api, "d")
    assert listed(api)[-1] == "d"


@pytest.mark.parametrize("change", [{"position": 0}, {"position": 1001}, {"position": 1, "name": "x"}])
def test_a_place_that_is_none_is_refused(api: Api, change: dict[str, Any]) -> None:
    assert api("PATCH", f"/v1/destinations/{add(api)}", change).fields == ["position"]


def test_destinations_are_searched_filtered_and_sorted(api: Api) -> None:
    add(api, "Zoo", streams=["/live/zoo"])
    add(api, "ape", enabled=False)
    assert listed(api, "?sort=name") == ["ape", "Zoo"]
    assert listed(api, "?sort=-name") == ["Zoo", "ape"]
    assert listed(api, "?search=LIVE%20zoo") == ["Zoo"]
    assert listed(api, f"?search={KEY}") == []
    assert listed(api, "?state=off") == ["ape"]
    assert listed(api, "?state=waiting") == ["Zoo"]
    assert listed(api, "?platform=youtube") == []
    assert api("GET", "/v1/destinations?sort=url").status == 400


def test_a_failing_push_says_why_and_when_it_is_tried_again(api: Api, node: Node) -> None:
    made = add(api)
    session = node.go_live()
    (push,) = node.sync().json["desired"]["pushes"]
    due = (datetime.now(UTC) + timedelta(seconds=12)).isoformat()
    told = {"destination": made, "fence": push["fence"], "attempt": 3, "last_error": "no", "next_try_at": due}
    refused = told | {"state": "retrying", "code": "refused_by_target", "params": {"said": "no such stream"}}
    node.tell(node.event("push.state", session, **refused))
    shown = api("GET", f"/v1/destinations/{made}").json["push"]
    assert (shown["code"], shown["params"], shown["attempt"]) == (
        "refused_by_target",
        {"said": "no such stream"},
        3,
    )
    assert datetime.fromisoformat(shown["next_try_at"]) == datetime.fromisoformat(due)
    assert listed(api, "?state=retrying") == ["d"]
    assert api("POST", f"/v1/destinations/{made}/retry").status == 202
    (again,) = node.sync().json["desired"]["pushes"]
    assert (push["retries"], again["retries"]) == (0, 1)
    assert again["fence"] == push["fence"]


def test_what_waits_for_nothing_is_not_tried(api: Api) -> None:
    made = add(api)
    assert (answer := api("POST", f"/v1/destinations/{made}/retry")).status == 409
    assert answer.json["code"] == "no_stream"
    api("POST", f"/v1/destinations/{made}/disable")
    assert api("POST", f"/v1/destinations/{made}/retry").json["code"] == "destination_off"
    assert api("POST", "/v1/destinations/nothing/retry").status == 404


def test_a_platform_says_beforehand_what_it_does_not_take(api: Api, node: Node) -> None:
    session = node.go_live()
    seen = HEVC | {"session": session, "stream": STREAM}
    node.sync(observed={"ffmpeg_version": "8.0", "sessions": [seen]})
    made = api("POST", "/v1/destinations", {"name": "t", "platform": "twitch", "key": KEY, "enabled": False}).json
    (unfit,) = api("GET", f"/v1/destinations/{made['id']}").json["unfit"]
    assert (unfit["stream"], unfit["fits"], unfit["code"]) == ("live/x", False, "codec_not_taken")
    assert unfit["params"]["codec"] == "HEVC"
    asked = {"platform": "youtube", "streams": ["/live/*"]}
    (fits,) = api("POST", "/v1/destinations/preflight", asked).json["items"]
    assert (fits["fits"], fits["message"]) == (True, "")
    other = asked | {"streams": ["/other/*"]}
    assert api("POST", "/v1/destinations/preflight", other).json["items"] == []
    assert len(api("GET", "/v1/destinations").json["items"]) == 1


def test_of_a_stream_nothing_is_claimed_before_it_is_known(api: Api, node: Node) -> None:
    node.go_live()
    (unknown,) = api("POST", "/v1/destinations/preflight", {"platform": "twitch"}).json["items"]
    assert (unknown["fits"], unknown["code"]) == (None, "")
    assert api("POST", "/v1/destinations/preflight", {}).fields == ["server"]


def test_a_server_without_a_key_is_told(api: Api) -> None:
    """As releases before kept it; today none is taken in."""
    now = datetime.now(UTC)
    for name, url in (("tube", "rtmps://a.rtmps.youtube.com/live2"), ("bare", "rtmp://h/app")):
        wiring.store.commit(Save(Destination(id=name, name=name, url=url, created_at=now, updated_at=now)))
    assert [d["key_missing"] for d in api("GET", "/v1/destinations").json["items"]] == [True, True]
    assert api("GET", f"/v1/destinations/{add(api)}").json["key_missing"] is False


def test_who_only_looks_can_neither_retry_nor_order(api: Api) -> None:
    made = add(api)
    token = api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"]
    reader = Api(api.client, token)
    assert reader("POST", f"/v1/destinations/{made}/retry").status == 403
    assert reader("PATCH", f"/v1/destinations/{made}", {"position": 1}).status == 403
    assert reader("POST", "/v1/destinations/preflight", {"platform": "twitch"}).status == 200
    assert all(KEY.encode() not in a.body for a in reader.answers)
    assert BOOTSTRAP.api_secret not in token


def test_those_of_one_stream_and_those_that_push_are_found_and_counted(api: Api, node: Node) -> None:
    for n, streams in enumerate((["/live/one"], ["/live/*"], ["/live/one", "/live/two"], ["/live/two"])):
        add(api, f"d{n}", streams=streams, enabled=False)

    def found(query: str) -> tuple[list[str], int]:
        page = api("GET", f"/v1/destinations?{query}").json
        return [d["name"] for d in page["items"]], page["total"]

    assert found("stream=live/one") == (["d0", "d2"], 2)
    assert found("stream=live/three") == ([], 0)
    assert found("limit=1") == (["d0"], 4)
    assert found("pushing=true") == ([], 0)
    assert api("GET", "/v1/destinations?pushing=perhaps").status == 400


def test_the_live_stream_of_a_name_is_found_among_all(api: Api, node: Node) -> None:
    for name in ("one", "two", "two-b"):
        node.go_live({"app": "live", "stream": name})
    page = api("GET", "/v1/streams?stream=live/two").json
    assert ([s["stream"] for s in page["items"]], page["total"]) == (["live/two"], 1)
    assert api("GET", "/v1/streams?limit=1").json["total"] == 3
