"""AWS's interfaces without an SDK: signed as botocore signs, values as boto3 has them, tried again where that helps."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.aws import api
from chalicelib.adapters.aws.attributes import from_dynamo, to_dynamo
from chalicelib.adapters.aws.signing import Keys, presigned, signed
from chalicelib.adapters.aws.sqs import SqsNudger

NOW = datetime(2026, 11, 26, 12, 30, 59, tzinfo=UTC)
KEYS = Keys("AKIDEXAMPLE", "secret", "token")

_word = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(body=st.binary(max_size=500), region=_word, service=_word, token=st.just("") | _word, target=_word)
def test_it_signs_as_botocore_does(body: bytes, region: str, service: str, token: str, target: str) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
    mine = signed(Keys("AKID", "secret", token), service, region, "host.example.com", headers, body, NOW)
    request = AWSRequest("POST", "https://host.example.com/", headers=dict(headers), data=body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        SigV4Auth(Credentials("AKID", "secret", token or None), service, region).add_auth(request)
    assert mine["Authorization"] == request.headers["Authorization"]


@given(region=_word, token=st.just("") | st.text(min_size=1, max_size=30), name=_word, life_s=st.integers(1, 3600))
def test_an_address_is_signed_as_botocore_signs_it(region: str, token: str, name: str, life_s: int) -> None:
    keys, path = Keys("AK/ID+", "secret", token), f"/bucket/snapshots/{name}.json"
    mine = presigned(keys, "GET", region, "https://s3.example.com", path, life_s, NOW)
    request = AWSRequest("GET", f"https://s3.example.com{path}")
    with patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        S3SigV4QueryAuth(Credentials("AK/ID+", "secret", token or None), "s3", region, expires=life_s).add_auth(request)
    assert dict(parse_qsl(urlsplit(mine).query)) == dict(parse_qsl(urlsplit(str(request.url)).query))
    assert urlsplit(mine).path == path


@given(_json)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert from_dynamo(to_dynamo(value)) == value


@given(_json.filter(lambda v: not isinstance(v, float)))
def test_values_are_typed_as_boto3_types_them(value: Any) -> None:
    small = json.loads(json.dumps(value), parse_int=lambda text: int(text) % 10**30)
    assert to_dynamo(small) == TypeSerializer().serialize(small)
    typed: Any = to_dynamo(small)
    assert TypeDeserializer().deserialize(typed) == small


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}])
def test_what_cannot_be_stored_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_dynamo(value)


def test_a_value_of_another_type_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="type SS"):
        from_dynamo({"SS": ["a"]})


@contextmanager
def served(*answers: tuple[int, dict[str, Any] | bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives these answers one after the other, and what it was asked."""
    asked: list[dict[str, Any]] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"target": self.headers["X-Amz-Target"], "body": body.decode()})
            status, said = left.pop(0)
            if status == 0:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            sent = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _at_once(_seconds: float) -> None:
    """No pause between tries."""


def _db(url: str) -> api.DynamoDb:
    return api.DynamoDb(api.DYNAMODB, "us-east-1", lambda: KEYS, url, _at_once)


def test_what_fails_for_a_moment_is_tried_again() -> None:
    busy = {"__type": "com.amazonaws#ThrottlingException", "message": "slow down"}
    with served((500, {}), (400, busy), (200, {"Item": {}})) as (url, asked):
        assert _db(url).get_item(TableName="t") == {"Item": {}}
    assert [a["target"] for a in asked] == ["DynamoDB_20120810.GetItem"] * 3


def test_a_lost_answer_is_asked_for_again_with_the_same_token() -> None:
    with served((0, {}), (200, {})) as (url, asked):
        _db(url).transact_write_items(TransactItems=[])
    first, second = (json.loads(a["body"])["ClientRequestToken"] for a in asked)
    assert first == second
    assert len(first) == 32


def test_a_refusal_is_told_as_botocore_tells_it() -> None:
    said = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "no",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed"}],
    }
    with served((400, said)) as (url, _), pytest.raises(api.AwsApiError) as caught:
        _db(url).transact_write_items(TransactItems=[])
    assert api.code_of(caught.value) == "TransactionCanceledException"
    assert caught.value.response["CancellationReasons"] == [{"Code": "ConditionalCheckFailed"}]


def test_no_answer_is_said_to_be_none() -> None:
    with served((0, {}), (0, {}), (0, {})) as (url, _), pytest.raises(api.AwsUnreachableError):
        _db(url).get_item(TableName="t")


_ROLE = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2026-11-26T13:30:59Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
_DENIED = b"""<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"""


def test_a_role_is_assumed_by_a_form() -> None:
    with served((200, _ROLE)) as (url, asked):
        keys = api.Sts(api.STS, "us-east-1", lambda: KEYS, url, _at_once).assume_role(RoleArn="r", DurationSeconds=900)
    assert keys["Credentials"]["Expiration"] == datetime(2026, 11, 26, 13, 30, 59, tzinfo=UTC)
    assert asked[0]["body"] == "Action=AssumeRole&Version=2011-06-15&RoleArn=r&DurationSeconds=900"


def test_a_role_that_is_denied_is_an_error() -> None:
    with served((403, _DENIED)) as (url, _), pytest.raises(api.AwsApiError) as caught:
        api.Sts(api.STS, "us-east-1", lambda: KEYS, url, _at_once).assume_role(RoleArn="r")
    assert api.code_of(caught.value) == "AccessDenied"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "dynamodb.eu-central-1.amazonaws.com"),
        ("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
    ],
)
def test_where_a_service_is(region: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert api.endpoint_of("dynamodb", region) == f"https://{host}"


class _Queues:
    """SQS that refuses."""

    def __init__(self, code: str) -> None:
        self.code = code

    def delete_queue(self, **_: Any) -> dict[str, Any]:
        raise api.AwsApiError("DeleteQueue", 400, {"__type": self.code})


@pytest.mark.parametrize("code", ["com.amazonaws.sqs#QueueDoesNotExist", "AccessDenied"])
def test_a_queue_that_stays_keeps_no_node_from_being_revoked(code: str) -> None:
    queues: Any = _Queues(code)
    SqsNudger(queues, "sluice-test-node-").forget("https://sqs/1/sluice-test-node-n1")
