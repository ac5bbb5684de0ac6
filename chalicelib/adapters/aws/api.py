"""AWS's own interfaces that take and give JSON, called without an SDK, for functions that must start fast.

A client of boto3 takes a third of a second of processor time until its first call, of which nearly all goes to
describing services that nobody calls (decision 60). The methods bear the names and take the arguments of boto3's.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlencode, urlsplit
from xml.etree import ElementTree

from .signing import Keys, signed

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_TRIES: Final = 3
_TIMEOUT_S: Final = 10.0
_BUSY: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""What botocore, too, asks again after (its documentation, 'Retries')."""
_SERVER_ERROR: Final = 500


class AwsApiError(Exception):
    """AWS said no. `response` has the form that botocore's errors have."""

    def __init__(self, operation: str, status: int, answer: dict[str, Any]) -> None:
        code = str(answer.get("__type", "")).rpartition("#")[2] or str(status)
        message = str(answer.get("message") or answer.get("Message") or "")
        super().__init__(f"{operation}: {code}: {message}"[:500])
        self.response = {
            "Error": {"Code": code, "Message": message},
            "CancellationReasons": answer.get("CancellationReasons") or [],
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


class AwsUnreachableError(Exception):
    """No answer, after several tries."""


def code_of(error: Exception) -> str:
    """AWS's word for an error, of this module or of botocore; '' when AWS said nothing."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def keys_of_environment() -> Keys:
    """The keys that a function is given (AWS documentation, 'Lambda environment variables'); else those that botocore
    finds, which for a task are renewed now and then.

    Raises:
        KeyError: there are none.
    """
    e = os.environ
    if "AWS_ACCESS_KEY_ID" not in e and (found := _found_by_botocore()) is not None:
        current = found.get_frozen_credentials()
        return Keys(str(current.access_key), str(current.secret_key), current.token or "")
    return Keys(e["AWS_ACCESS_KEY_ID"], e["AWS_SECRET_ACCESS_KEY"], e.get("AWS_SESSION_TOKEN", ""))


@cache
def _found_by_botocore() -> Credentials | None:
    from botocore.session import get_session

    found: Credentials | None = get_session().get_credentials()
    return found


@dataclass(frozen=True, slots=True)
class Service:
    """An interface: its name in addresses and signatures, what stands before an operation's name, its kind of JSON."""

    name: str
    prefix: str
    json: str


DYNAMODB: Final = Service("dynamodb", "DynamoDB_20120810", "1.0")
SQS: Final = Service("sqs", "AmazonSQS", "1.0")
STS: Final = Service("sts", "2011-06-15", "")
"""The only one that takes a form and answers in XML."""
SECRETS: Final = Service("secretsmanager", "secretsmanager", "1.1")
PARAMETERS: Final = Service("ssm", "AmazonSSM", "1.1")


def endpoint_of(service: str, region: str) -> str:
    """Where an interface is (AWS General Reference, 'Service endpoints'); the environment may say otherwise."""
    given = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return given or f"https://{service}.{region}.{suffix}"


def opened(at: SplitResult) -> http.client.HTTPConnection:
    """A connection to where a URL leads; the first request makes it."""
    if at.scheme == "https":
        return http.client.HTTPSConnection(at.netloc, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(at.netloc, timeout=_TIMEOUT_S)


class _Held:
    """A connection that is closed when nobody has it any more: it may outlive neither its thread nor its client."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class AwsApi:
    """One interface of one region. Each thread keeps a connection; what fails for a moment is tried again."""

    def __init__(
        self,
        service: Service,
        region: str,
        keys: Callable[[], Keys] = keys_of_environment,
        endpoint: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._region = region
        self._keys = keys
        self._url = urlsplit(endpoint or endpoint_of(service.name, region))
        self._pause = pause
        self._kept = threading.local()

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The answer to an operation.

        Raises:
            AwsApiError: AWS refused.
            AwsUnreachableError: it did not answer.
        """
        body = json.dumps(arguments, separators=(",", ":")).encode()
        for attempt in range(_TRIES):
            if attempt:
                # Full jitter, so that functions that were refused together don't come again together.
                self._pause(random.uniform(0, 0.1 * 4**attempt))  # noqa: S311 -- no secret
            try:
                status, answer = self._ask(operation, body)
            except (OSError, http.client.HTTPException, ValueError, SyntaxError) as error:
                self._kept.held = None
                failure: Exception = AwsUnreachableError(f"{self._service.name}: {type(error).__name__}")
                continue
            if status < 300:
                return answer
            failure = AwsApiError(operation, status, answer)
            if status < _SERVER_ERROR and code_of(failure) not in _BUSY:
                raise failure
        raise failure

    def _ask(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {
            "Content-Type": f"application/x-amz-json-{self._service.json}",
            "X-Amz-Target": f"{self._service.prefix}.{operation}",
        }
        status, said = self._post(headers, body)
        found = json.loads(said) if said else {}
        return status, found if isinstance(found, dict) else {}

    def _post(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        now = datetime.now(UTC)
        sent = signed(self._keys(), self._service.name, self._region, self._url.netloc, headers, body, now)
        connection = self._connection()
        connection.request("POST", "/", body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _connection(self) -> http.client.HTTPConnection:
        held: _Held | None = getattr(self._kept, "held", None)
        if held is None:
            held = self._kept.held = _Held(opened(self._url))
        return held.connection


class DynamoDb(AwsApi):
    """What the product calls of DynamoDB."""

    def get_item(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("GetItem", arguments)

    def batch_get_item(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("BatchGetItem", arguments)

    def query(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("Query", arguments)

    def put_item(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("PutItem", arguments)

    def delete_item(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("DeleteItem", arguments)

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:
        """See boto3. A token makes a try after a lost answer harmless (its documentation, 'ClientRequestToken')."""
        token = {"ClientRequestToken": f"{random.getrandbits(128):032x}"}
        return self.call("TransactWriteItems", token | arguments)


class Sqs(AwsApi):
    """What the product calls of SQS."""

    def create_queue(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("CreateQueue", arguments)

    def delete_queue(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("DeleteQueue", arguments)

    def send_message(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("SendMessage", arguments)

    def receive_message(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("ReceiveMessage", arguments)

    def delete_message(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("DeleteMessage", arguments)

    def get_queue_attributes(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("GetQueueAttributes", arguments)


class Secrets(AwsApi):
    """What the product calls of Secrets Manager."""

    def get_secret_value(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("GetSecretValue", arguments)


class Parameters(AwsApi):
    """What the product calls of Systems Manager: its parameters."""

    def get_parameter(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("GetParameter", arguments)


class Sts(AwsApi):
    """What the product calls of the Security Token Service."""

    def assume_role(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("AssumeRole", arguments)

    def _ask(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        form = {"Action": operation, "Version": self._service.prefix, **json.loads(body)}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, said = self._post(headers, urlencode(form).encode())
        return status, _credentials(said) if status < 300 else _refusal(said)


def _texts(said: bytes) -> dict[str, str]:
    """The texts of an answer in XML, by the names of their elements."""
    # Only AWS's own answers come here, over TLS.
    tree = ElementTree.fromstring(said)  # noqa: S314
    return {element.tag.rpartition("}")[2]: element.text or "" for element in tree.iter()}


def _credentials(said: bytes) -> dict[str, Any]:
    found = _texts(said)
    keys: dict[str, Any] = {name: found[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    return {"Credentials": keys | {"Expiration": datetime.fromisoformat(found["Expiration"])}}


def _refusal(said: bytes) -> dict[str, Any]:
    found = _texts(said)
    return {"__type": found.get("Code", ""), "message": found.get("Message", "")}
