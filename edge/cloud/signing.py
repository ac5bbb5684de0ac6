"""AWS signatures (version 4), without an AWS client: botocore's signers alone cost a tenth of its memory."""

from __future__ import annotations

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from chalicelib.wire.edge.desired import StoreCredentials


class _HashedS3Auth(S3SigV4Auth):  # type: ignore[misc,unused-ignore]
    """Signs a body whose SHA-256 (hex) is known beforehand, so that it can be streamed from a file."""

    def __init__(self, keys: Keys, region: str, sha256: str) -> None:
        super().__init__(keys, "s3", region)
        self._sha256 = sha256

    def payload(self, request: AWSRequest) -> str:
        """The hash that goes into the signature."""
        return self._sha256


def _keys(c: StoreCredentials) -> Keys:
    return Keys(c.access_key, c.secret_key, c.session_token or None)


def sign_s3(c: StoreCredentials, method: str, url: str, headers: dict[str, str], sha256: str) -> dict[str, str]:
    """The headers of a signed S3 request, `headers` among them. `sha256`: of the body, hex."""
    request = AWSRequest(method=method, url=url, headers=headers)
    _HashedS3Auth(_keys(c), c.region, sha256).add_auth(request)
    return dict(request.headers.items())


def sign_sqs(c: StoreCredentials, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """The headers of a signed SQS request, `headers` among them."""
    request = AWSRequest(method="POST", url=url, headers=headers, data=body)
    SigV4Auth(_keys(c), "sqs", c.region).add_auth(request)
    return dict(request.headers.items())
