"""The application's `/v1` on fakes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from chalice.test import Client

from chalicelib.adapters.no_changes import NoChanges
from chalicelib.ports.objects import ProbeResult
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP, FakeDeadLetters, FakeNudger, FakeQueue, FakeSender, MemoryObjects, MemoryStore


@dataclass
class Reply:
    """An answer of the API."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class V1:
    """Calls the API; `store` and `sender` are what it works on."""

    client: Client
    store: MemoryStore = field(default_factory=MemoryStore)
    sender: FakeSender = field(default_factory=FakeSender)
    letters: FakeDeadLetters = field(default_factory=FakeDeadLetters)
    token: str = BOOTSTRAP.api_secret

    def __call__(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Reply:
        sent = {"Authorization": f"Bearer {token or self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        content = b"" if body is None else json.dumps(body).encode()
        raw = self.client.http.request(method, path, headers=sent, body=content)
        return Reply(raw.status_code, {k.lower(): v for k, v in raw.headers.items()}, raw.body.decode())


@contextmanager
def v1_on_fakes() -> Iterator[V1]:
    """The API, wired to nothing real."""
    # Powertools reads them when `app` is imported, which happens once for all suites.
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "sluice")
    from app import app

    kept = dict(wiring.__dict__)
    wiring.__dict__.clear()
    with Client(app) as client:
        made = V1(client)
        wiring.__dict__.update(
            _given=None,
            store=made.store,
            sender=made.sender,
            nudger=FakeNudger(),
            callbacks_queue=FakeQueue(),
            vault=SimpleNamespace(bootstrap=lambda: BOOTSTRAP, master=lambda: "key"),
            objects=MemoryObjects(),
            finish_queue=FakeQueue(),
            config=SimpleNamespace(
                public_url="http://base",
                local=None,
                aws=None,
                outside_url="",
                record_dir=None,
                keep_local=False,
                ffmpeg="",
                own_ports=(),
                front_ports=(),
            ),
            adapters=SimpleNamespace(
                store_probe=lambda _: ProbeResult(),
                put_links=None,
                given_up=lambda _follow: made.letters,
                tasks=None,
                upkeep=None,
                changes=NoChanges(),
            ),
        )
        try:
            yield made
        finally:
            wiring.__dict__.clear()
            wiring.__dict__.update(kept)
