"""How a publish shows its secret, and the keyed hashes with which an edge recognises one in an outage."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict


def presented_values(param: str) -> list[str]:
    """Every query value of a publish's `param`, raw and percent-decoded, without duplicates and in order.

    `param` is `?a=b` for RTMP, `a=b` for SRT and `app=…&stream=…&secret=…` for WHIP.
    """
    # A second question mark begins a query, too: encoders append theirs to a name that has one.
    query = param.lstrip("?#").replace("?", "&").replace("#", "&")
    raw = [pair.partition("=")[2] for pair in query.split("&")]
    decoded = [value for _, value in parse_qsl(query, keep_blank_values=True, max_num_fields=None, errors="replace")]
    return list(dict.fromkeys(value for value in [*raw, *decoded] if value))


def parts_of(stream: str, length: int) -> list[str]:
    """Every part of a stream name of that length, the last first; a name has at most 200 bytes."""
    return [stream[i : i + length] for i in range(len(stream) - length, -1, -1)] if length > 0 else []


def keyed_hash(key: str, secret: str) -> str:
    """HMAC-SHA-256 of `secret` under `key` (hex), as hex."""
    return hmac.new(bytes.fromhex(key), secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class AcceptedSecret(BaseModel):
    """One secret that an edge may accept while the cloud is out of reach: its keyed hash and its length in characters.

    With `stream` the secret belongs to the room of exactly that stream name and to nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    hash: str
    length: int
    stream: str | None = None


def snapshot_accepts(key: str, accepted: list[AcceptedSecret], stream: str, param: str) -> bool:
    """Whether a publish of `stream` with `param` shows an accepted secret: any whole query value, or any part of the
    stream name. A room's stream takes its room's secret only. Compares in constant time.
    """
    room = [a for a in accepted if a.stream == stream]
    for entry in room or [a for a in accepted if a.stream is None]:
        candidates = [v for v in presented_values(param) if len(v) == entry.length]
        candidates += parts_of(stream, entry.length)
        if any(hmac.compare_digest(keyed_hash(key, c), entry.hash) for c in candidates):
            return True
    return False
