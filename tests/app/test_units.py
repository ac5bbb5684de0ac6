"""Which calls of the table each call of ours makes, and what they cost: the table in `docs/data-model.md`.

`pytest -s tests/app/test_units.py` prints it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.test import Client
from ulid import ULID

from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.wiring.services import wiring
from tests.app.conftest import STREAM, Api, Aws, Node, enroll
from tests.cost.meter import item_size, writes
from tests.cost.meter import reads as _reads
from tests.fakes import BOOTSTRAP


@pytest.fixture
def cloud(aws: Aws) -> Aws:
    """Events and units as DynamoDB has them."""
    return aws


@dataclass
class Meter:
    """Counts calls and units."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0.0
    written: int = 0

    def add(self, call: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        """Take one call of the table."""
        self.calls[call] += 1
        if call == "GetItem":
            self.read += _reads(item_size(answer.get("Item", {})))
        elif call == "BatchGetItem":
            (keys,) = (request["Keys"] for request in asked["RequestItems"].values())
            (items,) = answer["Responses"].values()
            self.read += sum(_reads(item_size(i)) for i in items) + len(keys) - len(items)
        elif call == "Query":
            units = _reads(sum(map(item_size, answer["Items"])))
            self.read += units if asked.get("ConsistentRead") else units / 2
        elif call == "PutItem":
            self.written += writes(None, asked["Item"], transaction=False)
        elif call == "TransactWriteItems":
            puts = [w["Put"]["Item"] for w in asked["TransactItems"] if "Put" in w]
            self.written += sum(writes(None, i, transaction=True) for i in puts)
            self.written += 2 * (len(asked["TransactItems"]) - len(puts))
        else:
            self.written += 1

    def row(self, what: str) -> str:
        """A line of the table."""
        calls = ", ".join(f"{call} {n}" for call, n in self.calls.items()) or "none"
        return f"| {what} | {calls} | {self.read:g} | {self.written:g} |"


@contextmanager
def metered(db: Any) -> Iterator[Callable[[str, Callable[[], Any]], Meter]]:
    """Gives a function that does something and meters it."""
    meters: list[Meter] = []
    plain = db._make_api_call

    def call(name: str, asked: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = plain(name, asked)
        if meters:
            meters[-1].add(name, asked, answer)
        return answer

    def measure(what: str, act: Callable[[], Any]) -> Meter:
        meters.append(Meter())
        act()
        meter = meters.pop()
        print(meter.row(what))
        return meter

    db._make_api_call = call
    try:
        yield measure
    finally:
        db._make_api_call = plain


def test_every_call_stays_within_its_budget(cloud: Aws, client: Client, api: Api) -> None:
    with metered(cloud.db) as measure:
        measured = dict(_story(measure, client, api))
    publish = measured["publish"]
    assert sum(publish.calls.values()) <= 3
    assert publish.written == 0
    assert not any("Scan" in meter.calls for meter in measured.values())


def _story(measure: Callable[[str, Callable[[], Any]], Meter], client: Client, api: Api) -> Iterator[tuple[str, Meter]]:
    print()
    given: list[Any] = []
    yield "enroll", measure("`POST /edge/v1/enroll`", lambda: given.append(enroll(Api(client)).json))
    node = Node(Api(client, given[0]["token"]), given[0]["node"])
    for i in range(3):
        body = {"name": f"D{i}", "url": "rtmp://a.rtmp.youtube.com/live2/abcd-efgh-ijkl-mnop", "streams": ["/live/x"]}
        api("POST", "/v1/destinations", body)
    session = str(ULID())

    def tell(kind: str, **body: Any) -> Meter:
        return measure(f"event `{kind}`", lambda: node.tell(node.event(kind, session, **body)))

    yield "publish", measure("`POST /edge/v1/publish`", lambda: _publish(node, session))
    tick = client.events.generate_cw_event("aws.events", "Scheduled Event", {}, ["rule"])
    # What is made once is made before.
    node.sync()
    client.lambda_.invoke("on_minute", tick)
    yield "idle", measure("`POST /edge/v1/sync`, idle", lambda: node.sync(want_credentials=True))
    yield "admitted", tell("session.admitted", client_id="c1", service_id="s1")
    yield "live", tell("session.live")
    shown: list[Any] = []
    yield "streams", measure("`GET /v1/streams`", lambda: shown.append(api("GET", "/v1/streams").json["items"][0]))
    recording = shown[0]["recording"]
    yield "started", tell("recording.started", recording=recording)
    live = wiring.store.get(OpenSession, node.id, session)
    assert live is not None
    yield "granted", measure("on_table: 3 destinations granted", lambda: wiring.pushes.session_is_live(live))
    seen = {"session": session, "stream": STREAM, "state": "live", "viewers": 3, "bitrate_kbps": 2500.0}
    yield "sync", measure("`POST /edge/v1/sync`, live, 3 pushes", lambda: node.sync(observed={"sessions": [seen]}))
    target = wiring.store.index(Destination, "DESTS").items[0].id
    yield "push", tell("push.state", destination=target, fence=1, state="running", bitrate_kbps=2500.0)
    yield "stopped", tell("push.state", destination=target, fence=1, state="stopped")
    yield "ended", tell("session.ended")
    yield "done", tell("recording.part_done", recording=recording, segments=360, duration_ms=3600000, bytes=900000000)
    for path in ("destinations", "deliveries", "recordings", f"recordings/{recording}", "sessions", "events", "nodes"):
        name = path.replace(recording, "{id}")
        yield name, measure(f"`GET /v1/{name}`", lambda path=path: api("GET", f"/v1/{path}"))  # type: ignore[misc]
    change = {"merge_window_s": 20}
    yield "change", measure("`PATCH /v1/settings/record`", lambda: api("PATCH", "/v1/settings/record", change))
    yield "delete", measure("`DELETE /v1/recordings/{id}`", lambda: api("DELETE", f"/v1/recordings/{recording}"))
    yield "minute", measure("on_minute: nothing due", lambda: client.lambda_.invoke("on_minute", tick))


def _publish(node: Node, session: str) -> None:
    body = {"session": session, "at": datetime.now(UTC).isoformat(), "stream": STREAM, "client_id": "c"}
    param = {"service_id": "s", "param": f"?secret={BOOTSTRAP.publish_secret}"}
    assert node.api("POST", "/edge/v1/publish", body | param).json["decision"] == "allow"
