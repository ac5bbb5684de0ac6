"""Clients for buckets that the settings name. boto3 is imported when there is the first one: it takes a third of a
second and 20 MB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chalicelib.domain.model.stores import ObjectStore

from .s3 import S3Objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECT_S: Final = 5
_READ_S: Final = 30
_POOL: Final = 16


def client_of(
    store: ObjectStore, *, connect_s: float = _CONNECT_S, read_s: float = _READ_S, tries: int = 3
) -> S3Client:
    """A client with the store's own keys; takes nothing from the environment but the authorities of TLS."""
    import boto3
    from botocore.config import Config

    style: Any = {"addressing_style": "path" if store.path_style else "virtual"}
    config = Config(
        signature_version="s3v4",
        s3=style,
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=_POOL,
        # Of others' servers most know no CRC trailers, and their answers to ranges carry the whole's checksum.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={},
    )
    return boto3.session.Session().client(
        "s3",
        region_name=store.region,
        endpoint_url=store.endpoint or None,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=config,
    )


def open_store(store: ObjectStore) -> S3Objects:
    """The bucket as `Objects`."""
    return S3Objects(client_of(store), store.bucket, f"{store.prefix}/" if store.prefix else "")
