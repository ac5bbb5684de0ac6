"""What is kept of each attempt at a callback, and which deliveries a listing gives."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.domain import redact
from chalicelib.domain.callbacks import kept_body
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Save
from chalicelib.routes.delivery_views import DeliveryShown
from chalicelib.services.nodes.overview import DeliveryFilter
from chalicelib.wire.edge.events import SessionEnded
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    made.with_callbacks()
    return made


def test_each_attempt_is_kept_with_what_was_sent_and_answered(cloud: Cloud) -> None:
    session = cloud.go_live()
    cloud.sender.answers = [
        Answer(500, b"oops", "", 7, headers={"Server": "x" * 900, "Set-Cookie": "a=secret"}),
        Answer(200, b"0", "", 3),
    ]
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.deliver()
    cloud.clock.pass_(minutes=5)
    cloud.callbacks.sweep()
    cloud.deliver()
    [delivery] = [d for d in cloud.overview.deliveries("delivered", 9, None).items if d.action == "on_unpublish"]
    shown = DeliveryShown.of(delivery, [])
    first, second = shown.attempts
    assert (first.status, first.answer, first.duration_ms, second.status) == (500, "oops", 7, 200)
    assert first.headers == {"server": "x" * 200, "set-cookie": "***"}
    assert first.sent_headers["webhook-id"] == delivery.id
    assert first.sent_headers["webhook-signature"] == "***"
    assert first.sent_headers["webhook-timestamp"] != second.sent_headers["webhook-timestamp"]
    assert json.loads(first.sent_body)["action"] == "on_unpublish"
    assert (shown.stream, shown.recording, shown.event) == ("live/x", None, delivery.id)


def test_what_is_kept_of_a_body_opens_nothing() -> None:
    url = "https://h/v1/shares/eyJhbGciOi.abc.def/index.mp4"
    kept = kept_body({"param": "?secret=s", "opaque": "word", "artifact_url": url, "uuid": "u"})
    assert kept == {
        "param": "***",
        "opaque": "***",
        "artifact_url": "https://h/v1/shares/***/index.mp4",
        "uuid": "u",
    }


def test_headers_are_few_and_short() -> None:
    many = {f"h{n}": "v" * 5000 for n in range(500)} | {"Authorization": "Bearer x"}
    kept = redact.headers(many)
    assert len(kept) == 30
    assert max(map(len, kept.values())) == 200
    assert redact.headers({"Authorization": "Bearer x"}) == {"authorization": "***"}


def test_deliveries_are_chosen_by_kind_stream_and_time(cloud: Cloud) -> None:
    now = cloud.clock()
    for n in range(30):
        at = now + timedelta(minutes=n)
        payload = {"app": "live", "stream": "a" if n % 10 == 0 else "b", "uuid": str(n)}
        made = Delivery(
            id=f"01ARZ3NDEKTSV4RRFFQ69G5F{n:02}", action="on_unpublish" if n % 2 else "on_record_end", state="dead",
            created_at=at, due_at=at, payload=payload,
        )  # fmt: skip
        cloud.store.commit(Save(made))

    def found(**wanted: object) -> list[str]:
        page = cloud.overview.deliveries("dead", 50, None, DeliveryFilter(**wanted))  # type: ignore[arg-type]
        return [d.payload["uuid"] for d in page.items]

    assert found(stream="live/a") == ["20", "10", "0"]
    assert found(stream="live/a", oldest_first=True) == ["0", "10", "20"]
    assert len(found(kind="on_unpublish")) == 15
    assert found(recording="7") == ["7"]
    assert found(since=now + timedelta(minutes=28)) == ["29", "28"]
    assert found(until=now + timedelta(minutes=1)) == ["0"]
    few = cloud.overview.deliveries("dead", 2, None, DeliveryFilter(stream="live/a"))
    rest = cloud.overview.deliveries("dead", 2, few.cursor, DeliveryFilter(stream="live/a"))
    assert [d.payload["uuid"] for d in few.items + rest.items] == ["20", "10", "0"]
