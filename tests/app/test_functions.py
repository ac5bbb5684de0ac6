"""The event functions through the packaged application: a record that cannot be handled comes back, and only that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.test import Client

from chalicelib.adapters.aws.dynamo import DynamoStore
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination
from chalicelib.ports.store import Save
from chalicelib.wire.recording import recording_id
from chalicelib.wiring.services import wiring
from tests.app.conftest import STREAM, Api, Aws, Node

DELIVERY = "01JD0000000000000000000001"


@pytest.fixture
def cloud(aws: Aws) -> Aws:
    """Events and units as DynamoDB has them."""
    return aws


def stream_record(number: int, **images: Any) -> dict[str, Any]:
    keys = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    change = {"Keys": keys, "SequenceNumber": str(number), "StreamViewType": "NEW_AND_OLD_IMAGES", **images}
    name = "REMOVE" if "NewImage" not in images else "MODIFY" if "OldImage" in images else "INSERT"
    return {"eventID": str(number), "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}


def queue_record(number: int, body: str) -> dict[str, Any]:
    return {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs", "messageAttributes": {}}


def invoke(client: Client, function: str, *records: dict[str, Any]) -> list[str]:
    """The identifiers of the records that come back."""
    answer = client.lambda_.invoke(function, {"Records": list(records)}).payload
    return [f["itemIdentifier"] for f in answer["batchItemFailures"]]


def delivery(**more: Any) -> Delivery:
    now = datetime.now(UTC)
    fields = {"id": DELIVERY, "action": "on_unpublish", "created_at": now, "due_at": now, "payload": {"action": "x"}}
    return Delivery.model_validate(fields | more)


def table() -> DynamoStore:
    store = wiring.store
    assert isinstance(store, DynamoStore)
    return store


POISON = [
    {"NewImage": {"kind": {"S": "delivery"}, "pk": {"S": "x"}, "version": {"N": "1"}}},
    {"NewImage": {"kind": {"S": "delivery"}, "version": {"N": "1"}, "data": {"M": {"id": {"S": "x"}}}}},
    {"NewImage": {"kind": {"S": "destination"}, "pk": {"S": "x"}, "version": {"N": "1"}, "data": {"M": {}}}},
    {
        "NewImage": {
            "kind": {"S": "destination"},
            "pk": {"S": "DEST#d"},
            "version": {"N": "1"},
            "data": {"M": {"url": {"S": "bm90IHNlYWxlZCBieSB1cywgYnV0IGxvbmcgZW5vdWdo"}}},
        }
    },
]


@pytest.mark.parametrize("poison", POISON)
def test_of_the_table_only_the_poison_record_comes_back(client: Client, cloud: Aws, poison: dict[str, Any]) -> None:
    good = table()._item(delivery())
    failed = invoke(
        client, "on_table", stream_record(1, NewImage=good), stream_record(2, **poison), stream_record(3, NewImage=good)
    )
    assert failed == ["2"]
    assert cloud.queued("callbacks") == [{"delivery": DELIVERY}] * 2


def test_records_that_mean_nothing_to_this_version_pass(client: Client, cloud: Aws) -> None:
    strange = {"kind": {"S": "from_the_future"}, "pk": {"S": "x"}, "version": {"N": "1"}, "data": {"M": {}}}
    bare = {"pk": {"S": "x"}, "sk": {"S": "y"}}
    records = [stream_record(1, NewImage=strange), stream_record(2, NewImage=bare), stream_record(3, OldImage=strange)]
    assert invoke(client, "on_table", *records) == []


def test_a_removed_destination_reaches_the_node_that_pushes_it(
    client: Client, cloud: Aws, api: Api, node: Node
) -> None:
    made = api("POST", "/v1/destinations", {"name": "d", "url": "rtmp://h/app/key"}).json
    node.go_live()
    node.sync()
    old = table()._db.get_item(TableName="sluice-test", Key={"pk": {"S": f"DEST#{made['id']}"}, "sk": {"S": "DEST"}})[
        "Item"
    ]
    api("DELETE", f"/v1/destinations/{made['id']}")
    assert invoke(client, "on_table", stream_record(1, OldImage=old)) == []
    assert node.sync().json["desired"]["pushes"] == []


def test_a_live_session_is_given_its_destination_by_the_stream(
    client: Client, cloud: Aws, api: Api, node: Node
) -> None:
    from chalicelib.domain.model.ledger import LedgerEvent

    api("POST", "/v1/destinations", {"name": "d", "url": "rtmp://h/app/key"})
    session = node.go_live()
    event = LedgerEvent(id=DELIVERY, at=datetime.now(UTC), kind="session.live", node=node.id, session=session)
    assert invoke(client, "on_table", stream_record(1, NewImage=table()._item(event))) == []
    assert api("GET", "/v1/destinations").json["items"][0]["push"]["session"] == session


BAD_BODIES = ["", "x", "[]", "{}", "null", '{"other":1}']


@pytest.mark.parametrize("body", BAD_BODIES)
def test_of_the_callbacks_only_the_bad_message_comes_back(client: Client, cloud: Aws, body: str) -> None:
    wiring.store.commit(Save(delivery()))
    good = json.dumps({"delivery": DELIVERY})
    assert invoke(client, "on_callbacks", queue_record(1, body), queue_record(2, good)) == ["m1"]
    found = wiring.store.get(Delivery, DELIVERY)
    assert found is not None
    assert found.state == "dead"  # callbacks are off: said so rather than waited for


def test_a_callback_that_is_gone_or_over_is_nothing_to_do(client: Client, cloud: Aws) -> None:
    assert invoke(client, "on_callbacks", queue_record(1, json.dumps({"delivery": DELIVERY}))) == []


@pytest.mark.parametrize("body", BAD_BODIES)
def test_of_the_finishing_only_the_bad_message_comes_back(client: Client, cloud: Aws, body: str) -> None:
    good = json.dumps({"recording": "00000000-0000-4000-8000-000000000000"})
    assert invoke(client, "on_finish", queue_record(1, body), queue_record(2, good)) == ["m1"]


def test_a_recording_that_ffmpeg_cannot_finish_is_tried_again_and_then_failed(
    client: Client, cloud: Aws, api: Api, recorded: str
) -> None:
    for turn in range(5):
        # Each further try is a message of its own, which the function queues with a delay.
        message = queue_record(1, json.dumps({"recording": recorded, "version": str(turn)}))
        assert invoke(client, "on_finish", message) == []
        state = api("GET", f"/v1/recordings/{recorded}").json["state"]
        assert state == ("finishing" if turn < 4 else "failed")
    found = api("GET", f"/v1/recordings/{recorded}").json
    assert (found["state"], found["error"]) == ("failed", "part 1: FFmpeg failed (1): no message")


def announcement(*keys: str) -> str:
    return json.dumps({"Records": [{"s3": {"object": {"key": key}}} for key in keys]})


def test_the_test_event_of_s3_is_nothing_to_do(client: Client, cloud: Aws) -> None:
    said = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})
    assert invoke(client, "on_objects", queue_record(1, said)) == []


@pytest.mark.parametrize("key", ["recordings/x", "../x", "recordings/%00/manifest.json", "", "recordings/index.json"])
def test_objects_that_are_no_manifest_are_nothing_to_do(client: Client, cloud: Aws, key: str) -> None:
    assert invoke(client, "on_objects", queue_record(1, announcement(key))) == []


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b'{"version":1}'])
def test_a_manifest_that_cannot_be_read_is_passed_over(
    client: Client, cloud: Aws, node: Node, content: bytes | None
) -> None:
    key = f"recordings/00000000-0000-4000-8000-000000000000/{node.id}/{DELIVERY}/manifest.json"
    if content is not None:
        cloud.put_object(key, content)
    assert invoke(client, "on_objects", queue_record(1, announcement(key))) == []


def test_a_manifest_makes_the_recording_complete(client: Client, cloud: Aws, api: Api, node: Node) -> None:
    recording = recording_id(DELIVERY)
    key = f"recordings/{recording}/{node.id}/{DELIVERY}/manifest.json"
    segment = {"index": 0, "duration_ms": 2000, "bytes": 5, "sha256": "0" * 64, "key": "k"}
    manifest = {
        "recording": recording,
        "node": node.id,
        "session": DELIVERY,
        "stream": STREAM,
        "started_at": "2026-11-22T12:00:00Z",
        "ended_at": "2026-11-22T12:00:02Z",
        "segments": [segment],
    }
    cloud.put_object(key, json.dumps(manifest).encode())
    assert invoke(client, "on_objects", queue_record(1, "x"), queue_record(2, announcement(key))) == ["m1"]
    shown = api("GET", f"/v1/recordings/{recording}").json
    assert (shown["segments"], shown["bytes"], shown["sessions"]) == (1, 5, [DELIVERY])


def test_every_minute_what_is_due_is_sent_on_and_silent_nodes_are_lost(
    client: Client, cloud: Aws, api: Api, node: Node
) -> None:
    wiring.store.commit(Save(delivery()))
    tick = client.events.generate_cw_event("aws.events", "Scheduled Event", {}, ["rule"])
    assert client.lambda_.invoke("on_minute", tick).payload is None
    assert cloud.queued("callbacks") == [{"delivery": DELIVERY}]


def test_the_destination_that_is_stored_holds_no_key_in_clear(cloud: Aws, api: Api) -> None:
    api("POST", "/v1/destinations", {"name": "d", "url": "rtmp://h/app/key-0123456789"})
    api("PATCH", "/v1/settings/publish", {"secret": "secret-0123456789"})
    api("PATCH", "/v1/settings/callbacks", {"target": "http://h/?t=token-0123456789", "opaque": "opaque-0123456789"})
    stored = json.dumps(cloud.db.scan(TableName="sluice-test")["Items"])
    for value in ("key-0123456789", "secret-0123456789", "token-0123456789", "opaque-0123456789"):
        assert value not in stored
    assert wiring.store.get(Destination, "none") is None
