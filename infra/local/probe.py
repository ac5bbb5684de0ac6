"""Asks a server on this machine whether it serves."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx


def answers(url: str, status: int = 200, timeout_s: float = 2) -> bool:
    """Whether `url` answers with `status` soon. Never raises for what the network does."""
    try:
        return httpx.get(url, timeout=timeout_s, trust_env=False).status_code == status
    except httpx.HTTPError:
        return False


def warm(url: str, together: int = 4) -> str:
    """Ask so often at once that the embedded cloud has as many workers of the function as one publish keeps busy:
    each takes a second or more to load, which the first publisher would have to wait for.
    """
    with ThreadPoolExecutor(together) as pool:
        served = sum(pool.map(lambda _: answers(url, timeout_s=20), range(together)))
    return f"{served} of {together} answer"


def read_json(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at `url`, or an empty one."""
    try:
        answer = httpx.get(url, headers=headers, timeout=5, trust_env=False)
        body = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
