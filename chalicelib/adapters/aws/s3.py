"""The recordings' bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from chalicelib.domain.errors import NotFoundError
from chalicelib.ports import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK: Final = 1024 * 1024


class S3Objects:
    """`Objects` on one S3 bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `Objects`."""
        options: dict[str, Any] = {"StartAfter": after} if after else {}
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, **options):
            for found in page.get("Contents", []):
                yield StoredObject(found["Key"], found["Size"])

    def _open(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                raise NotFoundError("the object is not in the store") from error
            raise

    def read(self, key: str) -> bytes:
        """See `Objects`."""
        return bytes(self._open(key).read())

    def download(self, key: str, path: Path) -> str:
        """See `Objects`."""
        digest = hashlib.sha256()
        with path.open("ab") as out:
            for chunk in self._open(key).iter_chunks(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """See `Objects`."""
        self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, ChecksumAlgorithm="SHA256"
        )

    def upload(self, key: str, path: Path, content_type: str) -> None:
        """See `Objects`."""
        self._s3.upload_file(str(path), self._bucket, key, ExtraArgs={"ContentType": content_type})

    def delete_prefix(self, prefix: str) -> int:
        """See `Objects`."""
        count = 0
        keys = [found.key for found in self.list(prefix)]
        for i in range(0, len(keys), 1000):
            batch = keys[i : i + 1000]
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": [{"Key": k} for k in batch], "Quiet": True})
            count += len(batch)
        return count

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """See `Objects`."""
        params: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if filename:
            params["ResponseContentDisposition"] = f'attachment; filename="{filename}"'
        # A signature is for one method.
        call: Literal["get_object", "head_object"] = "head_object" if head else "get_object"
        return str(self._s3.generate_presigned_url(call, Params=params, ExpiresIn=expires_s))
