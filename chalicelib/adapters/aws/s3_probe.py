"""Tries a bucket out: what recordings need of it is done once, with an object that is then deleted."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.model.stores import ObjectStore
from chalicelib.ports.objects import ProbeResult, ProbeStep

from .s3_client import client_of
from .s3_words import words_of

_TIMEOUT_S: Final = 10.0
_BODY: Final = b"sluice tries this store\n" * 64
_WRONG: Final = base64.b64encode(hashlib.sha256(b"").digest()).decode()


class _FailedError(Exception):
    """A step that was answered, and not as it should be."""


def probe(store: ObjectStore) -> ProbeResult:
    """See `StoreProbe`."""
    try:
        client: Any = client_of(store, connect_s=_TIMEOUT_S / 2, read_s=_TIMEOUT_S, tries=1)
    except (BotoCoreError, ValueError) as error:
        return ProbeResult("connect", f"these are no settings of a store: {error}")
    key = f"{store.prefix}/".lstrip("/") + f".sluice-probe/{secrets.token_hex(8)}"
    steps: list[tuple[ProbeStep, Callable[[], None]]] = [
        ("write", lambda: _write(client, store.bucket, key)),
        ("read", lambda: _read(client, store.bucket, key)),
        ("range", lambda: _range(client, store.bucket, key)),
        ("list", lambda: _list(client, store.bucket, key)),
        ("delete", lambda: _delete(client, store.bucket, key)),
    ]
    for step, do in steps:
        try:
            do()
        except _FailedError as error:
            return ProbeResult(step, str(error))
        except (ClientError, BotoCoreError) as error:
            return ProbeResult("connect" if step == "write" and _silent(error) else step, words_of(error))
    return ProbeResult(notes=_notes(client, store.bucket, key))


def _silent(error: Exception) -> bool:
    return not isinstance(error, ClientError)


def _write(client: Any, bucket: str, key: str) -> None:
    """As nodes do it: by a signed URL that names the checksum."""
    checksum = base64.b64encode(hashlib.sha256(_BODY).digest()).decode()
    client.put_object(Bucket=bucket, Key=key, Body=_BODY, ContentType="text/plain", ChecksumSHA256=checksum)
    params = {"Bucket": bucket, "Key": key, "ContentType": "text/plain", "ChecksumSHA256": checksum}
    url = client.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
    status = _put(url, {"Content-Type": "text/plain", "x-amz-checksum-sha256": checksum})
    if status not in (200, 201, 204):
        raise _FailedError(
            f"the store takes no uploads by signed URLs, with which nodes bring their segments ({status})"
        )


def _put(url: str, headers: dict[str, str]) -> int:
    request = Request(url, data=_BODY, headers=headers, method="PUT")  # noqa: S310 - the operator's own endpoint
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except OSError as error:
        raise _FailedError(f"the upload by a signed URL broke off ({type(error).__name__})") from error


def _read(client: Any, bucket: str, key: str) -> None:
    try:
        found = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise _FailedError(f"what was written is not there: {words_of(error)}") from error
    if found != _BODY:
        raise _FailedError("the store gives back something else than what was written")


def _range(client: Any, bucket: str, key: str) -> None:
    if client.get_object(Bucket=bucket, Key=key, Range="bytes=7-11")["Body"].read() != _BODY[7:12]:
        raise _FailedError("the store does not answer ranges, which players need")


def _list(client: Any, bucket: str, key: str) -> None:
    answer = client.list_objects_v2(Bucket=bucket, Prefix=key)
    if [found["Key"] for found in answer.get("Contents", [])] != [key]:
        raise _FailedError("what was written is not in the listing")


def _delete(client: Any, bucket: str, key: str) -> None:
    client.delete_object(Bucket=bucket, Key=key)
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return
    raise _FailedError("what was deleted is still there (is the bucket locked against deletion?)")


def _notes(client: Any, bucket: str, key: str) -> tuple[str, ...]:
    """Whether the store checks what arrives."""
    try:
        client.put_object(Bucket=bucket, Key=key, Body=_BODY, ChecksumSHA256=_WRONG)
    except (ClientError, BotoCoreError):
        return ()
    client.delete_object(Bucket=bucket, Key=key)
    return ("the store does not verify checksums: what changes on its way there is only noticed when it is read",)
