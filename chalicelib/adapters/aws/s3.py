"""A bucket of recordings: Amazon's, or any other's that speaks the same."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import NotFoundError, UnavailableError
from chalicelib.ports.objects import PutLink, StoredObject

from .s3_words import code_of, words_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK: Final = 1024 * 1024
_ONE_PUT: Final = 64 * 1024 * 1024
"""A file up to this size goes in one request, with its checksum; a larger one in parts of this size."""
_NOT_THERE: Final = frozenset({"NoSuchKey", "404", "NotFound", "AccessDenied"})
"""Whoever may not list is told 403 for an object that is not there (S3 API, 'GetObject', 'Permissions')."""
_BATCH: Final = 1000


class S3Objects:
    """`Objects` on one bucket, below `prefix` ('' or with its closing slash)."""

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        prefix: str = "",
        sign: Callable[[str, int, str | None], str] | None = None,
    ) -> None:
        """`sign`: the path of a key on an origin that stands before the bucket; None: links are the bucket's own."""
        self._s3 = client
        self._bucket = bucket
        self._prefix = prefix
        self._sign = sign

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `Objects`."""
        options: dict[str, Any] = {"StartAfter": self._prefix + after} if after else {}
        pages = self._s3.get_paginator("list_objects_v2")
        with _in_words():
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, **options):
                for found in page.get("Contents", []):
                    yield StoredObject(found["Key"].removeprefix(self._prefix), found["Size"])

    def _open(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"]
        except ClientError as error:
            if code_of(error) in _NOT_THERE:
                raise NotFoundError("the object is not in the store") from error
            raise

    def read(self, key: str) -> bytes:
        """See `Objects`."""
        with _in_words():
            return bytes(self._open(key).read())

    def download(self, key: str, path: Path) -> str:
        """See `Objects`."""
        digest = hashlib.sha256()
        with _in_words(), path.open("ab") as out:
            for chunk in self._open(key).iter_chunks(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """See `Objects`."""
        self._put(key, body, hashlib.sha256(body).digest(), content_type)

    def upload(self, key: str, path: Path, content_type: str) -> None:
        """See `Objects`."""
        if path.stat().st_size <= _ONE_PUT:
            with path.open("rb") as body:
                digest = hashlib.file_digest(body, "sha256").digest()
                body.seek(0)
                self._put(key, body, digest, content_type)
            return
        from boto3.exceptions import S3UploadFailedError
        from boto3.s3.transfer import TransferConfig

        # Each part is a request that is paid for; two at a time fit into what the finisher has of memory.
        parts = TransferConfig(multipart_threshold=_ONE_PUT, multipart_chunksize=_ONE_PUT, max_concurrency=2)
        try:
            with _in_words():
                self._s3.upload_file(
                    str(path),
                    self._bucket,
                    self._prefix + key,
                    ExtraArgs={"ContentType": content_type},
                    Config=parts,
                )
        except S3UploadFailedError as error:
            raise UnavailableError(
                "the store did not take the file; try again", code="store_failed", said="", error=""
            ) from error

    def _put(self, key: str, body: Any, digest: bytes, content_type: str) -> None:
        # The checksum is a header, not a trailer: many servers don't know trailers.
        with _in_words():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                Body=body,
                ContentType=content_type,
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )

    def delete_prefix(self, prefix: str) -> int:
        """See `Objects`."""
        keys = [self._prefix + found.key for found in self.list(prefix)]
        for i in range(0, len(keys), _BATCH):
            with _in_words():
                self._delete(keys[i : i + _BATCH])
        return len(keys)

    def _delete(self, keys: Sequence[str]) -> None:
        """Together, or one by one where the store can't (Google's can't, and some want another checksum)."""
        try:
            answer = self._s3.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": k} for k in keys], "Quiet": True}
            )
            keys = [str(left["Key"]) for left in answer.get("Errors", []) if "Key" in left]
        except ClientError as error:
            if code_of(error) in ("NoSuchBucket", "AccessDenied", "SlowDown", "InternalError"):
                raise
        for key in keys:
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def given_out(self, key: str) -> bool:
        """See `Objects`."""
        return False

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """See `Objects`."""
        if self._sign is not None:
            return self._sign(key, expires_s, filename)
        params: dict[str, Any] = {"Bucket": self._bucket, "Key": self._prefix + key}
        if filename:
            params["ResponseContentDisposition"] = f'attachment; filename="{filename}"'
        # A signature is for one method.
        call: Literal["get_object", "head_object"] = "head_object" if head else "get_object"
        return str(self._s3.generate_presigned_url(call, Params=params, ExpiresIn=expires_s))

    def put_link(self, key: str, size: int, sha256: str, content_type: str, expires_s: int) -> PutLink:
        """See `PutLinks`."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        params = {
            "Bucket": self._bucket,
            "Key": self._prefix + key,
            "ContentType": content_type,
            "ContentLength": size,
            "ChecksumSHA256": checksum,
        }
        url = self._s3.generate_presigned_url("put_object", Params=params, ExpiresIn=expires_s)
        headers = {"Content-Type": content_type, "Content-Length": str(size), "x-amz-checksum-sha256": checksum}
        return PutLink(url, headers)


@contextmanager
def _in_words() -> Iterator[None]:
    """Whatever the store answers, as an error of ours.

    Raises:
        UnavailableError: it did not do what it was asked.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise UnavailableError(
            f"the store of the recordings: {words_of(error)}",
            code="store_failed",
            said=words_of(error),
            error=code_of(error),
        ) from error
