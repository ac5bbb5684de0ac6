"""The host of a standalone installation: routes, events, threads, loops."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chalice import Response
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.domain.errors import UnavailableError
from chalicelib.routes.application import Application
from infra.local.host.asgi import MAX_BODY, HostApp
from infra.local.host.clock import ClockError, check_clock, note_clock
from infra.local.host.events import Incoming, answer_of, event_of
from infra.local.host.pools import FullError, Pools, Seats, share_of
from infra.local.host.routing import Routes
from infra.local.host.work import Loop, consumer, every

from .host_rig import client, run, wait_for

# routes and events ----------------------------------------------------------------------------------------------------

PATTERNS = ["/v1/rooms", "/v1/rooms/{room}", "/v1/rooms/{room}/stats", "/v1/tokens/self", "/v1/tokens/{token}"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/v1/rooms", ("/v1/rooms", {})),
        ("/v1/rooms/", ("/v1/rooms", {})),
        ("/v1/rooms/a%2Fb", ("/v1/rooms/{room}", {"room": "a%2Fb"})),
        ("/v1/rooms/a/stats", ("/v1/rooms/{room}/stats", {"room": "a"})),
        ("/v1/tokens/self", ("/v1/tokens/self", {})),
        ("/v1/tokens/other", ("/v1/tokens/{token}", {"token": "other"})),
        ("/v1/rooms/a/b", None),
        ("/v1//rooms", None),
        ("/v1/rooms//stats", None),
        ("/v1", None),
        ("", None),
        ("/" + "a/" * 50, None),
    ],
)
def test_a_path_has_the_route_that_the_gateway_would_find(path: str, found: tuple[str, dict[str, str]] | None) -> None:
    assert Routes(PATTERNS).find(path) == found


@given(st.text(st.characters(blacklist_characters="/", blacklist_categories=["Cs"]), min_size=1, max_size=40))
def test_whatever_stands_in_a_path_comes_out_as_it_went_in(part: str) -> None:
    assert Routes(PATTERNS).find(f"/v1/rooms/{part}") == ("/v1/rooms/{room}", {"room": part})


def test_an_event_is_what_the_gateway_sends() -> None:
    sent = Incoming(
        "POST", "/v1/x", "/v1/{x}", {"x": "x"}, "a=1&a=2&b=%20&c", {"accept": "*/*"}, b"\xff", "203.0.113.9"
    )
    event = event_of(sent)
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" "], "c": [""]}
    assert event["requestContext"] == {
        "resourcePath": "/v1/{x}", "httpMethod": "POST", "path": "/v1/x", "identity": {"sourceIp": "203.0.113.9"},
    }  # fmt: skip
    assert event["body"] == b"\xff"


def test_an_answer_is_bytes_whichever_way_the_application_gives_it() -> None:
    text = {"statusCode": 200, "headers": {"a": "b"}, "multiValueHeaders": {"c": ["d", "e"]}, "body": "é"}
    assert answer_of(text).body == "é".encode()
    assert answer_of(text).headers == [("a", "b"), ("c", "d"), ("c", "e")]
    coded = {"statusCode": 200, "body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True}
    assert answer_of(coded).body == b"\xff\x00"


# requests -------------------------------------------------------------------------------------------------------------


def an_app() -> Application:
    app = Application(app_name="test", configure_logs=False)

    @app.route("/v1/echo", methods=["POST"], content_types=["*/*"])  # type: ignore[untyped-decorator]
    def echo() -> Response:
        before = app.current_request.raw_body
        time.sleep(0.02)  # others begin meanwhile
        assert app.current_request.raw_body == before
        return Response(before.decode(), headers={"Content-Type": "text/plain"})

    @app.route("/v1/thing")  # type: ignore[untyped-decorator]
    def thing() -> Response:
        return Response("a thing", headers={"Content-Type": "text/plain"})

    @app.route("/v1/broken")  # type: ignore[untyped-decorator]
    def broken() -> Response:
        raise RuntimeError("a secret detail")

    return app


@pytest.fixture
def web() -> Iterator[HostApp]:
    pools = Pools()
    yield HostApp(an_app(), pools, {}, None)
    pools.close()


def test_requests_side_by_side_are_not_mixed_up(web: HostApp) -> None:
    async def ask() -> list[str]:
        async with client(web) as http:
            found = await asyncio.gather(*(http.post("/v1/echo", content=f"number {n}") for n in range(60)))
            return [answer.text for answer in found]

    assert run(ask()) == [f"number {n}" for n in range(60)]


def test_what_has_no_route_is_said_so(web: HostApp) -> None:
    async def ask() -> tuple[httpx.Response, httpx.Response]:
        async with client(web) as http:
            return await http.get("/v1/nothing"), await http.get("/terraform/v1/nothing")

    ours, compatible = run(ask())
    assert (ours.status_code, ours.headers["content-type"]) == (404, "application/problem+json")
    assert (compatible.status_code, compatible.text) == (404, "there is no such call\n")


def test_whatever_can_be_read_has_a_head(web: HostApp) -> None:
    async def ask() -> httpx.Response:
        async with client(web) as http:
            return await http.head("/v1/thing")

    answer = run(ask())
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "7", b"")


def test_another_method_is_refused_with_those_that_there_are(web: HostApp) -> None:
    async def ask() -> tuple[httpx.Response, httpx.Response]:
        async with client(web) as http:
            return await http.delete("/v1/thing"), await http.head("/v1/echo")

    known, without_get = run(ask())
    assert (known.status_code, known.headers["allow"]) == (405, "GET, HEAD")
    assert (known.headers["content-type"], known.json()["detail"]) == (
        "application/problem+json", "this path takes GET, HEAD",
    )  # fmt: skip
    assert (without_get.status_code, without_get.headers["allow"]) == (405, "POST")


def test_a_body_that_is_too_large_is_refused(web: HostApp) -> None:
    async def ask() -> int:
        async with client(web) as http:
            return (await http.post("/v1/echo", content=b"x" * (MAX_BODY + 1))).status_code

    assert run(ask()) == 413


def test_a_crash_is_answered_without_its_details(web: HostApp) -> None:
    async def ask() -> httpx.Response:
        async with client(web) as http:
            return await http.get("/v1/broken")

    answer = run(ask())
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_whoever_is_slow_holds_up_his_own_kind_alone() -> None:
    pools, gate = Pools(), threading.Event()

    async def go() -> str:
        slow = [asyncio.ensure_future(pools.run("api", gate.wait)) for _ in range(100)]
        await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(5):
                return await pools.run("admission", lambda: "admitted")
        finally:
            gate.set()
            await asyncio.gather(*slow)

    assert run(go()) == "admitted"
    assert (share_of("/edge/v1/publish"), share_of("/edge/v1/sync"), share_of("/v1/rooms")) == (
        "admission", "edge", "api",
    )  # fmt: skip
    pools.close()


def test_admission_gets_on_while_the_api_computes() -> None:
    pools, over = Pools(), threading.Event()

    def compute() -> None:
        while not over.is_set():
            sum(range(1000))

    def admit() -> float:
        began = time.monotonic()
        for _ in range(20):  # each read gives the others their turn
            Path("/proc/self/stat").read_bytes()
        return time.monotonic() - began

    async def go() -> float:
        busy = [asyncio.ensure_future(pools.run("api", compute)) for _ in range(16)]
        await asyncio.sleep(0.05)
        try:
            return await pools.run("admission", admit)
        finally:
            over.set()
            await asyncio.gather(*busy)

    assert run(go()) < 1.5, "with Python's own interval it takes five seconds"
    pools.close()


def test_more_than_can_wait_are_turned_away_at_once() -> None:
    pools, gate = Pools(), threading.Event()

    async def go() -> int:
        asked = [asyncio.ensure_future(pools.run("api", gate.wait)) for _ in range(300)]
        await asyncio.sleep(0.1)
        gate.set()
        return sum(isinstance(e, FullError) for e in await asyncio.gather(*asked, return_exceptions=True))

    assert run(go()) == 300 - 216
    pools.close()


def test_only_so_many_calls_wait_for_nodes() -> None:
    seats, started = Seats(2), threading.Barrier(3)

    def sit() -> None:
        started.wait()
        seats.pause(0.3)

    threads = [threading.Thread(target=sit) for _ in range(2)]
    for thread in threads:
        thread.start()
    started.wait()
    time.sleep(0.1)
    with pytest.raises(UnavailableError, match="too many calls wait"):
        seats.pause(0.1)
    for thread in threads:
        thread.join()
    seats.pause(0.0)


def test_a_loop_that_fails_goes_on_and_says_so() -> None:
    steps: list[int] = []

    def step() -> float:
        steps.append(1)
        if len(steps) == 1:
            raise RuntimeError("once")
        return 60.0

    loop = Loop("test", step)
    loop.start()
    wait_for(lambda: len(steps) == 1)
    loop.wake()
    wait_for(lambda: len(steps) == 2 and loop.failures == 0)
    loop.stop()
    loop.join(5)


def test_the_minute_is_not_made_up_for() -> None:
    now, done = [0.0], []
    step = every(60.0, lambda: done.append(now[0]), lambda: now[0])
    for at in (0.0, 30.0, 60.0, 300.0, 301.0):
        now[0] = at
        assert 0 <= step() <= 60.0
    assert done == [0.0, 60.0, 300.0]


def test_a_message_is_handed_out_until_it_is_handled_or_dead(database: Database) -> None:
    queue, heard = LocalQueue(database, "test", 60.0), []

    def handle(event: Any, _: Any) -> dict[str, Any]:
        (record,) = event["Records"]
        heard.append(json.loads(record["body"])["name"])
        failed = heard[-1] == "bad"
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}] if failed else []}

    queue.send({"name": "bad"})
    queue.send({"name": "good"})
    step = consumer(queue, handle)
    for _ in range(40):
        database.write(lambda db: db.execute("UPDATE messages SET due = 0 WHERE dead = 0").rowcount)
        step()
    assert sorted(heard) == ["bad"] * 5 + ["good"]
    assert database.read(lambda db: db.execute("SELECT COUNT(*), SUM(dead) FROM messages").fetchone()) == (1, 1)


# the clock ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_went_far_back_is_not_believed(database: Database) -> None:
    note_clock(database, lambda: 1_800_000_000.0)
    assert check_clock(database, lambda: 1_800_000_100.0) == 0
    assert check_clock(database, lambda: 1_799_999_400.0) == 600
    with pytest.raises(ClockError, match="Set the clock"):
        check_clock(database, lambda: 0.0)
