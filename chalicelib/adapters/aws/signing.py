"""Signs requests to AWS (Signature Version 4: AWS General Reference, 'Create a signed AWS API request').

botocore does this, too; importing its signer takes more processor time than a whole answer to an edge (decision 60).
A property test holds both against each other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a request is signed with. `token`: of temporary keys; '' for others."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def presigned(
    keys: Keys, method: str, region: str, endpoint: str, path: str, life_s: int, now: datetime, service: str = "s3"
) -> str:
    """The URL of an object that whoever has it may use so long (Amazon S3, 'Authenticating requests: using query
    parameters'). `path`: as it stands in the URL; `now` in UTC.
    """
    stamp, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{region}/{service}/aws4_request"
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(life_s),
        "X-Amz-SignedHeaders": "host",
    } | ({"X-Amz-Security-Token": keys.token} if keys.token else {})
    text = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    request = f"{method}\n{path}\n{text}\nhost:{urlsplit(endpoint).netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"{endpoint}{path}?{text}&X-Amz-Signature={_signature(keys, stamp, scope, request)}"


def _signature(keys: Keys, stamp: str, scope: str, request: str) -> str:
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return _mac(key, text).hex()


def signed(
    keys: Keys, service: str, region: str, host: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a POST to `/` with its signature. `headers`: those besides Host that are sent; `now` in UTC."""
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    sent = {**headers, "X-Amz-Date": stamp} | ({"X-Amz-Security-Token": keys.token} if keys.token else {})
    lowered = sorted({"host": host, **{name.lower(): value.strip() for name, value in sent.items()}}.items())
    names = ";".join(name for name, _ in lowered)
    lines = "".join(f"{name}:{value}\n" for name, value in lowered)
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(keys, stamp, scope, request)
    credential = f"Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": f"{_ALGORITHM} {credential}"}
