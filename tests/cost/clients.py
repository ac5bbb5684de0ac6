"""The other services of AWS that the product calls, in memory, each call counted."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.fakes import BOOTSTRAP

from .meter import Meter

_PAGE: Final = 1000
_SDK_PART: Final = 8 * 1024 * 1024
"""What boto3 uploads in parts of, and from this size on, unless it is told otherwise (its 'TransferConfig')."""


class Queues:
    """SQS. `sent`: what waits, by the URL of its queue."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.sent: dict[str, list[dict[str, Any]]] = {}

    def create_queue(self, *, QueueName: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - SQS's names
        self.meter.count("sqs.CreateQueue")
        return {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/123456789012/{QueueName}"}

    def delete_queue(self, **_: Any) -> dict[str, Any]:
        self.meter.count("sqs.DeleteQueue")
        return {}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.meter.count("sqs.SendMessage")
        self.sent.setdefault(QueueUrl, []).append(json.loads(MessageBody))
        return {}


class Roles:
    """STS."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def assume_role(self, **_: Any) -> dict[str, Any]:
        self.meter.count("sts.AssumeRole")
        keys = {"AccessKeyId": "A" * 20, "SecretAccessKey": "s" * 40, "SessionToken": "t" * 400}
        return {"Credentials": keys | {"Expiration": datetime.now(UTC) + timedelta(hours=1)}}


class Vault:
    """Secrets Manager."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def get_secret_value(self, **_: Any) -> dict[str, Any]:
        self.meter.count("secretsmanager.GetSecretValue")
        return {"SecretString": json.dumps({"master": "m" * 64})}


class Parameters:
    """Systems Manager's parameters."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        self.meter.count("ssm.GetParameter")
        first = {name: getattr(BOOTSTRAP, name) for name in BOOTSTRAP.__dataclass_fields__}
        return {"Parameter": {"Value": json.dumps(first)}}


class Bucket:
    """S3."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.objects: dict[str, bytes] = {}

    def get_paginator(self, name: str) -> _Pages:
        assert name == "list_objects_v2"
        return _Pages(self)

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.meter.count("s3.GetObject")
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": _Body(self.objects[Key])}

    def put_object(self, *, Key: str, Body: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.meter.count("s3.PutObject")
        self.objects[Key] = Body if isinstance(Body, bytes) else b""
        return {}

    def upload_file(self, filename: str, _bucket: str, key: str, **options: Any) -> None:
        config = options.get("Config")
        part = config.multipart_chunksize if config is not None else _SDK_PART
        self.meter.count("s3.UploadPart", math.ceil(Path(filename).stat().st_size / part))
        self.meter.count("s3.CreateMultipartUpload")
        self.meter.count("s3.CompleteMultipartUpload")
        self.objects[key] = b""


class Snapshots:
    """Snapshot files in the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def write(self, name: str, body: bytes) -> None:
        self._bucket.put_object(Key=f"snapshots/{name}", Body=body)

    def read(self, name: str) -> bytes:
        return bytes(self._bucket.get_object(Key=f"snapshots/{name}")["Body"].read())

    def remove(self, name: str) -> None:
        self._bucket.meter.count("s3.DeleteObject")
        self._bucket.objects.pop(f"snapshots/{name}", None)

    def link(self, name: str) -> str:
        return f"https://bucket.example/snapshots/{name}"


class _Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while chunk := self.read(size):
            yield chunk


class _Pages:
    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def paginate(self, *, Prefix: str, StartAfter: str = "", **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        keys = sorted(k for k in self._bucket.objects if k.startswith(Prefix) and k > StartAfter)
        for i in range(0, max(1, len(keys)), _PAGE):
            self._bucket.meter.count("s3.ListObjectsV2")
            yield {"Contents": [{"Key": k, "Size": len(self._bucket.objects[k])} for k in keys[i : i + _PAGE]]}
