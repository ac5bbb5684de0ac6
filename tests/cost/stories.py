"""What is priced: a stream-hour, a recording that is finished, a node and an installation that do nothing."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from chalicelib.services.recordings.artifacts import Artifacts
from chalicelib.services.recordings.finishing import Finisher
from infra.aws.package import data_template, merge_template
from infra.aws.vendor import Target
from tests.fakes import FakeMedia

from .bill import Bill
from .node import IDLE_SYNCS_AN_HOUR, POLLS_AN_HOUR, SYNCS_AN_HOUR, Node
from .world import World

HOURS_A_MONTH: Final = 730
RECORDED_BYTES: Final = 900_000_000
"""An hour at 2 Mbit/s."""
NETWORK_BYTES_S: Final = 75e6
"""What a function moves from and to the bucket (600 Mbit/s)."""
DISK_BYTES_S: Final = 300e6
"""What FFmpeg copies on the function's disk, where it decodes nothing."""
FINISHER_GB: Final = 2.0
_POLLERS: Final = 5
"""So many long polls Lambda keeps open at a queue that nothing is in (Lambda, 'Scaling for SQS standard queues')."""
_ONCE_UNITS: Final = 4
"""Powertools' idempotency: a conditional put and an update, of an item of the table without index."""


def stream_hour(streams: int, *, pushed: bool, segment_s: int = 10) -> Bill:
    """What `streams` on one node cost for an hour, from the first hook to the manifest, divided by their number."""
    world = World()
    node = Node(world, "ab" * 16)
    names = [f"show-{i}" for i in range(streams)]
    if pushed:
        for name in names:
            destination(world, name)
    world.follow()
    world.minute()
    node.sync(want_credentials=True)
    world.begin()
    sessions = [node.go_live(name) for name in names]
    for _ in range(SYNCS_AN_HOUR - 1):
        world.later += timedelta(hours=1) / SYNCS_AN_HOUR
        node.sync()
        world.follow()
    node.sync(want_credentials=True)
    for session in sessions:
        node.end(session)
        announced(world)
    bill = Bill("").take(world)
    # The agent's own calls: a PUT a segment, one of the manifest, and the poll of its queue.
    bill.add(s3_put=streams * (3600 / segment_s + 1))
    bill.units["sqs"] += POLLS_AN_HOUR
    return bill.times(1 / streams)


def destination(world: World, name: str) -> None:
    """Where one stream is pushed."""
    world.wiring.destinations.add(
        name=name, url=f"rtmp://a.rtmp.youtube.com/live2/key-{name}", platform="youtube", streams=[f"/live/{name}"],
        enabled=True,
    )  # fmt: skip


def announced(world: World) -> None:
    """The manifest's message: received, handled, deleted."""
    with world.run("on_objects") as meter:
        meter.count("sqs.ReceiveMessage", 2)


class _Film(FakeMedia):
    """Whose films have the size of real ones, and no bytes."""

    def remux(self, runs: object, tracks: object, target: Path) -> None:
        with target.open("wb") as out:
            out.truncate(RECORDED_BYTES)


def finishing(segment_s: int = 10) -> Bill:
    """What it costs to make one recording of an hour whole."""
    world = World()
    node = Node(world, "ab" * 16)
    session = node.go_live("show")
    recording = node.end(session)
    for index in range(3600 // segment_s):
        world.bucket.objects[f"recordings/{recording}/{node.id}/{session}/{index:08d}-{segment_s}000.ts"] = bytes(188)
    w = world.wiring
    artifacts = Artifacts(w.objects, _Film(), w.settings, w.folders)
    finisher = Finisher(w.store, artifacts, w.settings, w.clock, "/data/record", w.finish_queue)
    world.follow()
    world.begin()
    with world.run("on_finish") as meter:
        finisher.finish(recording)
        meter.count("sqs.ReceiveMessage", 2)
    world.follow()
    return _finish_bill(world)


def _finish_bill(world: World) -> Bill:
    bill, meter = Bill("finishing a recording"), world.spent.pop("on_finish")
    seconds = 2 * RECORDED_BYTES / NETWORK_BYTES_S + RECORDED_BYTES / DISK_BYTES_S
    bill.asked(meter)
    bill.add(lambda_request=1, lambda_gb_s=seconds * FINISHER_GB, dynamodb_write=_ONCE_UNITS)
    return bill.take(world)


def idle_node() -> Bill:
    """What a node costs a month that nobody publishes to."""
    world = World()
    node = Node(world, "ab" * 16)
    node.sync(want_credentials=True)
    world.follow()
    world.begin()
    for _ in range(IDLE_SYNCS_AN_HOUR - 1):
        node.sync()
        world.follow()
    node.sync(want_credentials=True)
    world.follow()
    bill = Bill("an idle node").take(world)
    bill.units["sqs"] += POLLS_AN_HOUR
    return bill.times(HOURS_A_MONTH)


def watching() -> Bill:
    """What the alarms and the dashboard of the template cost a month."""
    kinds = Counter(r.get("Type") for r in _functions().values())
    bill = Bill("watching")
    bill.units["alarm.month"] += kinds["AWS::CloudWatch::Alarm"]
    bill.units["dashboard.month"] += kinds["AWS::CloudWatch::Dashboard"]
    return bill


def idle_installation() -> Bill:
    """What an installation costs a month that has one node and nothing to do; the node apart."""
    world = World()
    node = Node(world, "ab" * 16)
    node.sync()
    world.follow()
    world.minute()
    world.begin()
    for _ in range(10):
        world.minute()
        world.follow()
    bill = Bill("an idle installation").take(world).times(6 * HOURS_A_MONTH)
    kept = Counter(r["Type"] for r in data_template()["Resources"].values())
    bill.units["secret.month"] += kept["AWS::SecretsManager::Secret"]
    bill.units["sqs"] += _polled() * _POLLERS * 3 * 60 * HOURS_A_MONTH
    return bill


def _polled() -> int:
    """How many queues Lambda looks at for the template's functions."""
    sources = [s for r in _functions().values() for s in r.get("Properties", {}).get("Events", {}).values()]
    return sum("Queue" in source["Properties"] for source in sources)


def _functions() -> dict[str, Any]:
    found: dict[str, Any] = merge_template(Target("arm64", "3.12"))["Resources"]
    return found
