"""Bitrates ride on syncs: no event is made for them, and they are fresh all the same."""

from __future__ import annotations

from pathlib import Path

from chalicelib.domain.model.destinations import Lease
from chalicelib.wire.edge.desired import Desired, DesiredPush
from chalicelib.wire.edge.events import PushState
from chalicelib.wire.edge.observed import ObservedPush
from chalicelib.wire.names import StreamName
from edge.ffmpeg.workers.spec import WorkerReport
from tests.unit.cloud_rig import Cloud
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import go_live, tell


def test_a_destination_shows_the_bitrate_that_its_node_saw_last() -> None:
    cloud = Cloud()
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    session = cloud.go_live()
    lease = cloud.store.get(Lease, made.id)
    assert lease is not None
    body = PushState(destination=made.id, fence=lease.fence, state="running", bitrate_kbps=100.0)
    cloud.send(cloud.event(session, body))
    seen = ObservedPush(destination=made.id, session=session, fence=lease.fence, state="running", bitrate_kbps=2500.0)
    cloud.sync(pushes=[seen])
    status = cloud.targets.get(made.id).status
    assert status is not None
    assert status.bitrate_kbps == 2500.0
    cloud.sync(pushes=[seen.model_copy(update={"fence": lease.fence + 1})])
    status = cloud.targets.get(made.id).status
    assert status is not None
    assert status.bitrate_kbps == 100.0, "another worker's number is none of it"


def test_a_bitrate_alone_makes_no_event(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        push = DesiredPush(
            destination="d1", session=session, stream=StreamName(app="live", stream="s"), fence=1, url="rtmp://a/b/c"
        )
        w.cloud.desired = Desired(pushes=[push])
        w.agent.sync.wake()
        await until(lambda: w.cloud.of_kind("push.state"))
        for rate in (100.0, 200.0, 300.0):
            w.agent.pushes._changed(WorkerReport("d1:1", "running", 0, rate, None, 1))
        w.agent.pushes._changed(WorkerReport("d1:1", "retrying", 1, None, "refused", None))
        w.agent.pushes._changed(WorkerReport("d1:1", "running", 0, 100.0, None, 1))
        await until(lambda: len(w.cloud.of_kind("push.state")) == 3)
        states = [e["body"]["state"] for e in w.cloud.of_kind("push.state")]
        assert states == ["running", "retrying", "running"]

    tell(tmp_path, story)
