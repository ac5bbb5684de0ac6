"""Callbacks that a node sends: asked, delivered, tried out; and what waits while the node is away."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.errors import InvalidInputError, UnavailableError
from chalicelib.domain.model.callbacks import CallbackSettings, CallbackTrace, Delivery
from chalicelib.domain.model.nodes import Heartbeat, Node
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Put
from chalicelib.services.callbacks.checks import Checks
from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.callbacks import CallbackReply, DeliverQuestion
from chalicelib.wire.edge.events import CallbackAnswered, RecordingPartDone, SessionEnded
from chalicelib.wire.edge.publish import OutgoingCallback
from edge.callbacks.outgoing import Outgoing, Reply
from tests.fakes import BOOTSTRAP
from tests.unit.cloud_rig import Cloud
from tests.unit.edge_agent.edge_fakes import World, free_port, world

PRIVATE = "http://10.1.2.3/hook"
ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


class AsksNode:
    """In place of the questions: the node answers by a function, or is away."""

    def __init__(self) -> None:
        self.asked: list[DeliverQuestion] = []
        self.answer: Callable[[], CallbackReply] = lambda: CallbackReply(status=200, body="MA==")
        self.away = False

    def ask(self, node: str | None, question: Any, timeout_s: float = 15.0) -> dict[str, Any]:
        if self.away:
            raise UnavailableError("the node edge does not answer")
        self.asked.append(question)
        return self.answer().model_dump(mode="json")

    def open(self, state: Any) -> list[dict[str, Any]]:
        return []


@pytest.fixture
def asked(cloud: Cloud) -> AsksNode:
    node = AsksNode()
    cloud.webhooks._by_edge._questions = node  # type: ignore[assignment]
    return node


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    made.settings.set_callbacks({"enabled": True, "target": PRIVATE, "opaque": "o", "sent_by": "edge"})
    return made


# the cloud


def test_the_only_node_need_not_be_named(cloud: Cloud) -> None:
    assert cloud.settings.get(CallbackSettings).node == cloud.node
    with pytest.raises(InvalidInputError, match="node"):
        cloud.settings.set_callbacks({"node": "n-unknown"})
    other = Node(id="n2", name="second", created_at=cloud.clock(), token_hash="t", snapshot_key="ab")
    cloud.store.commit(Put(other))
    with pytest.raises(InvalidInputError, match="node"):
        cloud.settings.set_callbacks({"node": ""})
    assert cloud.settings.set_callbacks({"sent_by": "cloud"}).node == ""


def test_the_node_is_told_to_ask_and_tells_what_came_of_it(cloud: Cloud, asked: AsksNode) -> None:
    session = cloud.session(1)
    answer = cloud.ask(session)
    assert (answer.decision, answer.callback.url) == ("ask_callback", PRIVATE)
    assert answer.plan is not None
    body = json.loads(answer.callback.body)
    assert (body["action"], body["request_id"]) == ("on_publish", answer.callback.id)
    assert answer.callback.headers["webhook-signature"].startswith("v1,")
    assert cloud.sender.sent == [] == asked.asked
    told = CallbackAnswered(request_id=answer.callback.id, agreed=False, status=200, answer="1", duration_ms=5)
    assert cloud.send(cloud.event(session, told)) == ["accepted"]
    kept = cloud.callbacks.get(answer.callback.id)
    assert (kept.action, kept.state, kept.attempts[0].answer) == ("on_publish", "refused", "1")
    trace = cloud.store.get(CallbackTrace)
    assert trace is not None
    assert BOOTSTRAP.publish_secret not in trace.request + json.dumps(kept.model_dump(mode="json"))
    assert cloud.overview.events(5, None).items[0].kind == "callback.answered"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"agreed": True, "status": 200, "answer": "0"}, "delivered"),
        ({"agreed": False, "status": 200, "answer": '{"code": 7}'}, "refused"),
        ({"agreed": False, "status": 403, "answer": "no"}, "refused"),
        ({"agreed": False, "status": 500, "answer": "x"}, "dead"),
        ({"agreed": False, "error": "no answer in time"}, "dead"),
    ],
)
def test_the_log_tells_a_no_from_no_answer(cloud: Cloud, asked: AsksNode, told: dict[str, Any], state: str) -> None:
    callback = cloud.ask(cloud.session(1)).callback
    cloud.send(cloud.event(cloud.session(1), CallbackAnswered(request_id=callback.id, **told)))
    assert cloud.callbacks.get(callback.id).state == state


def test_a_wrong_secret_is_refused_without_asking_anybody(cloud: Cloud) -> None:
    assert cloud.ask(cloud.session(1), "?secret=wrong").decision == "deny"


def test_a_stream_of_another_node_is_asked_for_by_way_of_the_one_that_sends(cloud: Cloud, asked: AsksNode) -> None:
    settings = cloud.settings.get(CallbackSettings)
    cloud.store.commit(Put(settings.model_copy(update={"node": "n-other"})))
    assert cloud.ask(cloud.session(1)).decision == "allow"
    assert [json.loads(q.body)["action"] for q in asked.asked] == ["on_publish"]
    asked.away = True
    refused = cloud.ask(cloud.session(2))
    assert (refused.decision, "away" in refused.reason) == ("deny", True)


def test_gone_switches_callbacks_off_whoever_asked(cloud: Cloud, asked: AsksNode) -> None:
    callback = cloud.ask(cloud.session(1)).callback
    told = CallbackAnswered(request_id=callback.id, agreed=False, status=410)
    cloud.send(cloud.event(cloud.session(1), told))
    now = cloud.settings.get(CallbackSettings)
    assert (now.enabled, "410" in now.disabled_reason) == (False, True)


def test_what_is_due_waits_for_the_node_and_comes_in_order(cloud: Cloud, asked: AsksNode) -> None:
    asked.away = True
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    for _ in range(60 * 5):
        for message, _ in [cloud.callback_queue.sent.pop(0) for _ in list(cloud.callback_queue.sent)]:
            cloud.callbacks.deliver(message["delivery"])
        cloud.clock.pass_(minutes=1)
        cloud.callbacks.sweep()
    waiting = cloud.overview.deliveries("pending", 10, None).items
    assert {d.action for d in waiting} == {"on_record_begin", "on_unpublish", "on_record_end"}
    assert all(d.attempts == [] for d in waiting), "nothing was tried, so it is no attempt"
    assert any("does not answer" in d.note for d in waiting)
    asked.away = False
    for _ in range(10):
        cloud.deliver()
        cloud.clock.pass_(minutes=1)
        cloud.callbacks.sweep()
    told = [json.loads(q.body)["action"] for q in asked.asked]
    assert sorted(told) == ["on_record_begin", "on_record_end", "on_unpublish"]
    assert told.index("on_record_begin") < told.index("on_record_end")
    assert {q.headers["webhook-id"] for q in asked.asked} == {d.id for d in waiting}
    assert cloud.sender.sent == []


def test_a_node_that_stays_away_leaves_dead_letters_after_three_days(cloud: Cloud, asked: AsksNode) -> None:
    asked.away = True
    cloud.send(cloud.event(cloud.go_live(), SessionEnded()))
    cloud.clock.pass_(days=3, minutes=5)
    cloud.callbacks.sweep()
    cloud.deliver()
    (dead,) = cloud.overview.deliveries("dead", 10, None).items
    assert "three days" in dead.note


def test_a_failed_attempt_counts_and_is_tried_again(cloud: Cloud, asked: AsksNode) -> None:
    asked.answer = lambda: CallbackReply(failure="refused", error="the connection was refused", duration_ms=3)
    cloud.send(cloud.event(cloud.go_live(), SessionEnded()))
    message, _ = cloud.callback_queue.sent.pop(0)
    cloud.callbacks.deliver(message["delivery"])
    delivery = cloud.store.get(Delivery, message["delivery"])
    assert delivery is not None
    assert (delivery.state, delivery.attempts[0].error) == ("pending", "the connection was refused")
    # Nobody was there: that is no receiver who said no.
    assert delivery.attempts[0].error_code == "callback_unreached"


def test_a_check_is_made_by_who_sends_and_explained(cloud: Cloud, asked: AsksNode) -> None:
    checks = Checks(cloud.settings, cloud.webhooks, cloud.clock)
    assert checks.check(None, None).verdict.ok
    asked.answer = lambda: CallbackReply(failure="dns", error="the host name cannot be resolved on the node")
    said = checks.check("http://camera.lan/hook", None)
    assert (said.verdict.step, "the node" in said.verdict.hint) == ("dns", True)
    asked.away = True
    with pytest.raises(UnavailableError):
        checks.check(None, None)
    assert cloud.sender.sent == []


def test_an_answer_of_a_node_that_makes_no_sense_is_a_failed_attempt(cloud: Cloud, asked: AsksNode) -> None:
    asked.ask = lambda *_, **__: {"status": "x"}  # type: ignore[method-assign]
    answer = cloud.webhooks.attempt(cloud.settings.get(CallbackSettings), "id", b"{}")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.failure) == (None, "other")
    assert cloud.store.get(Heartbeat, cloud.node) is None


# the node


@pytest.fixture
def target() -> Iterator[Any]:
    """A target on this machine; `said` is its answer, `heard` what it got."""

    class Handler(BaseHTTPRequestHandler):
        heard: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012 - one for the test
        said: tuple[int, bytes] = (200, b"0")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            type(self).heard.append((dict(self.headers), body))
            status, answer = type(self).said
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    Handler.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        Handler.url = f"http://127.0.0.1:{server.server_address[1]}/hook"  # type: ignore[attr-defined]
        yield Handler
        server.shutdown()


def send(url: str, *, loopback: bool = True, timeout_s: float = 2.0) -> Reply:
    async def run() -> Reply:
        outgoing = Outgoing(AddressRule(private=True, loopback=loopback))
        try:
            return await outgoing.post(url, b"{}", {"webhook-id": "1"}, timeout_s)
        finally:
            await outgoing.close()

    return asyncio.run(run())


def test_a_target_is_asked_by_its_name_at_the_address_that_was_looked_at(target: Any) -> None:
    url = target.url.replace("127.0.0.1", "localhost")
    assert send(url).status == 200
    ((headers, body),) = target.heard
    assert (headers["Host"], headers["webhook-id"], body) == (url.split("/")[2], "1", b"{}")
    assert send(url, loopback=False).failure == "address"
    assert len(target.heard) == 1, "what may not be reached is not connected to"


def test_redirects_are_answers_and_long_answers_are_none(target: Any) -> None:
    target.said = (302, b"")
    assert send(target.url).status == 302
    target.said = (200, b"x" * 70_000)
    assert send(target.url).failure == "size"
    assert len(target.heard) == 2


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("ftp://h/x", "url"),
        ("http://", "url"),
        ("nonsense", "url"),
        ("http://no-such-name.invalid/", "dns"),
        ("http://127.0.0.1:1/", "refused"),
        ("http://169.254.169.254/latest", "address"),
    ],
)
def test_what_failed_is_said_without_the_url(url: str, failure: str) -> None:
    reply = send(url)
    assert (reply.status, reply.failure) == (None, failure)
    assert reply.error
    assert "169.254" not in reply.error


def test_the_agent_asks_obeys_and_tells(tmp_path: Path, target: Any) -> None:
    async def story(w: World) -> None:
        for number, (said, refused) in enumerate([((200, b"0"), False), ((200, b"1"), True)]):
            target.said = said
            callback = OutgoingCallback(url=target.url, body="{}", id=ID)
            w.cloud.callback = callback.model_dump()
            answer = await w.hook("on_publish", f"c{number}", f"s{number}")
            assert (answer.body != b"0") == refused
        w.cloud.callback = OutgoingCallback(url=f"http://127.0.0.1:{await free_port()}/", body="{}", id=ID).model_dump()
        assert (await w.hook("on_publish", "c2", "s2")).body != b"0"
        events = await _until(lambda: len(w.cloud.of_kind("callback.answered")) == 3, w)
        assert [e["body"]["agreed"] for e in events] == [True, False, False]
        await _until(lambda: len(w.cloud.of_kind("publish.refused")) == 2, w)
        codes = [e["body"]["code"] for e in w.cloud.of_kind("publish.refused")]
        assert codes == ["callback_refused", "callback_unanswered"]

    async def run() -> None:
        async with world(tmp_path) as w:
            await story(w)

    asyncio.run(run())


async def _until(ready: Callable[[], bool], w: World) -> list[dict[str, Any]]:
    for _ in range(200):
        if ready():
            return list(w.cloud.of_kind("callback.answered"))
        await asyncio.sleep(0.02)
    raise AssertionError("the outcome was not told")
