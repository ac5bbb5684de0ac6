"""Asks a server on this machine whether it serves."""

from __future__ import annotations

from typing import Any

import httpx


def answers(url: str, status: int = 200) -> bool:
    """Whether `url` answers with `status` soon. Never raises for what the network does."""
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == status
    except httpx.HTTPError:
        return False


def read_json(url: str) -> dict[str, Any]:
    """The JSON object at `url`, or an empty one."""
    try:
        answer = httpx.get(url, timeout=2, trust_env=False)
        body = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
