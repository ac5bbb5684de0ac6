"""What the tests of the host share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

RECORDING = "00000000-0000-4000-8000-000000000001"
SESSION = "01JD0000000000000000000001"
KEY = f"recordings/{RECORDING}/n1/{SESSION}/00000000-2000.ts"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host")


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
