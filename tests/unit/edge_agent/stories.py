"""What happens at an edge in tests: publishers come and go, the cloud is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from chalicelib.wire.edge.desired import AdmissionSnapshot, DesiredPush
from chalicelib.wire.names import StreamName
from chalicelib.wire.secrets import AcceptedSecret, keyed_hash
from tests.unit.edge_agent.edge_fakes import World, until, world

Story = Callable[[World], Awaitable[None]]
KEY = "ab" * 32


def tell(tmp_path: Path, story: Story) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            await story(w)

    uvloop.run(run())


async def go_live(w: World, client: str = "c1", stream: str = "s", **more: Any) -> str:
    """Publish and become live; the session's id."""
    assert (await w.hook("on_publish", client, stream, **more)).body == b"0"
    w.srs.publishers[f"live/{stream}"] = client
    session = await until(lambda: w.agent.book.open_of((w.srs.service_id, client)))
    await until(lambda: session.state == "live")
    return str(session.id)


async def leave(w: World, client: str = "c1", stream: str = "s") -> None:
    w.srs.publishers.pop(f"live/{stream}", None)
    assert (await w.hook("on_unpublish", client, stream)).body == b"0"


def snapshot(secret: str = "s3cret", **more: Any) -> AdmissionSnapshot:
    accepted = [AcceptedSecret(hash=keyed_hash(KEY, secret), length=len(secret))]
    return AdmissionSnapshot.model_validate({"revision": "1", "key": KEY, "accepted": accepted} | more)


async def in_outage(w: World) -> None:
    """The cloud told what it accepts, and is gone."""
    w.cloud.snapshot = snapshot()
    w.agent.sync.wake()
    await until(lambda: w.agent.snapshot.revision)
    w.cloud.down = True


# pushes


def push(session: str, fence: int = 1, destination: str = "d1") -> DesiredPush:
    name = StreamName(app="live", stream="s")
    return DesiredPush(destination=destination, session=session, stream=name, fence=fence, url="rtmp://x/app/key")
