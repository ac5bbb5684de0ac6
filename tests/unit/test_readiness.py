"""What is not ready, by rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import UnavailableError
from chalicelib.domain.model.nodes import Node, NodeSeen
from chalicelib.domain.readiness import (
    Pushed,
    of_callbacks,
    of_disk,
    of_node,
    of_nodes,
    of_pushes,
    of_replication,
    of_work,
    worst,
)
from chalicelib.ports.upkeep import Upkeep
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.readiness import Readiness
from chalicelib.wire.edge.observed import FfmpegFound, ObservedCertificate, ObservedMachine, ObservedNode
from tests.unit.cloud_rig import Cloud

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NODE = Node(id="n1", name="Frankfurt", created_at=NOW, token_hash="h", snapshot_key="k")
WELL: dict[str, Any] = {
    "media_server": "srs",
    "media_server_up": True,
    "media_server_version": "7.0.18",
    "ffmpeg_version": "5.1.9",
    "disk_free_bytes": 50_000_000_000,
}


def seen(skew: float | None = 0.1, lost: bool = False, **observed: Any) -> NodeSeen:
    kept = ObservedNode(**(WELL | observed))
    return NodeSeen(node="n1", last_seen=NOW - timedelta(seconds=9), observed=kept, lost=lost, clock_skew_s=skew)


def codes(found: NodeSeen | None, node: Node = NODE) -> dict[str, str]:
    return {f.code: f.level for f in of_node(node, found, NOW)}


def certificate(state: str, days: float | None) -> ObservedCertificate:
    until = NOW + timedelta(days=days) if days is not None else None
    return ObservedCertificate.model_validate({"domain": "live.example.com", "state": state, "not_after": until})


def test_a_node_that_is_well_says_so() -> None:
    (found,) = of_node(NODE, seen(), NOW)
    assert (found.code, found.level, found.name) == ("node_ready", "good", "Frankfurt")
    assert found.said == "online, SRS 7.0.18, 50.0 GB free"
    (other,) = of_node(NODE, seen(media_server="stand-in", media_server_version="1.22.1"), NOW)
    assert other.said == "online, the stand-in 1.22.1, 50.0 GB free"
    assert "SRS_BIN" in other.hint


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, {"node_never_seen": "warn"}),
        (seen(lost=True), {"node_lost": "bad"}),
        (seen(media_server_up=False), {"media_server_down": "bad"}),
        (seen(media_server_silent_since=NOW - timedelta(seconds=70)), {"media_server_silent": "bad"}),
        (seen(oldest_pending_s=61, pending_segments=3), {"node_backlog": "warn"}),
        (seen(disk_free_bytes=1_000_000_000), {"disk_low": "warn"}),
        (seen(disk_free_bytes=0), {"disk_full": "bad"}),
        (seen(disk_free_bytes=None), {"node_ready": "good"}),
        (seen(skew=-30.0), {"clock_skew": "warn"}),
        (seen(skew=None), {"node_ready": "good"}),
        (seen(ffmpeg_version="4.3.1"), {"ffmpeg_too_old": "bad"}),
        (seen(ffmpeg_version="N-1234-gabc"), {"node_ready": "good"}),
        (seen(ffmpeg=FfmpegFound(version="5.1", missing={"srt": ["srt"]})), {"ffmpeg_lacks": "warn"}),
        (seen(machine=ObservedMachine(cpu_percent=99.0)), {"cpu_busy": "warn"}),
        (seen(machine=ObservedMachine(memory_total_bytes=100, memory_available_bytes=4)), {"memory_low": "warn"}),
        (seen(machine=ObservedMachine()), {"node_ready": "good"}),
        (seen(certificates=[certificate("valid", 60)]), {"node_ready": "good"}),
        (seen(certificates=[certificate("valid", 10)]), {"certificate_ending": "warn"}),
        (seen(certificates=[certificate("failing", 20)]), {"certificate_ending": "warn"}),
        (seen(certificates=[certificate("valid", -1)]), {"certificate_expired": "bad"}),
        (seen(certificates=[certificate("missing", None)]), {"certificate_missing": "bad"}),
    ],
)
def test_each_fault_of_a_node_has_its_name(found: NodeSeen | None, expected: dict[str, str]) -> None:
    assert codes(found) == expected
    for f in of_node(NODE, found, NOW):
        assert f.said
        assert f.level == "good" or f.hint


def test_a_node_that_is_drained_is_told_beside_its_faults() -> None:
    drained = NODE.model_copy(update={"draining": True})
    assert codes(seen(disk_free_bytes=0), drained) == {"disk_full": "bad", "node_draining": "warn"}


def test_the_rest_is_told() -> None:
    assert [f.code for f in of_nodes(0)] == ["no_nodes"]
    assert list(of_nodes(1)) == []
    assert [f.code for f in of_callbacks(0, "")] == ["no_dead_letters"]
    assert [f.said for f in of_callbacks(100, "", more=True)] == ["100 or more were given up or refused"]
    assert [f.code for f in of_callbacks(2, "410")] == ["callbacks_off", "dead_letters"]
    assert [(f.code, f.said) for f in of_work(None)] == [("work_done", "-")]
    assert [(f.level, f.said) for f in of_work(3)] == [("bad", "3 given up")]
    assert of_replication("behind", "no disk").said == "behind: no disk"
    assert of_replication("ok", "").level == "good"
    assert list(of_disk(3_000_000_000)) == []


def test_pushes_that_fail_are_named_and_that_none_runs() -> None:
    runs, fails = Pushed("1", "a", True, "", ""), Pushed("2", "b", False, "refused", "connection_refused")
    assert [f.code for f in of_pushes([runs, fails])] == ["push_failing"]
    assert [f.code for f in of_pushes([fails])] == ["push_failing", "no_push_running"]
    assert list(of_pushes([Pushed("3", "c", False, "", "")])) == []
    assert worst(of_pushes([fails])) == "bad"
    assert worst([]) == "good"


class Data:
    """`LooksAfter`."""

    def __init__(self, free: int | None) -> None:
        self.free = free

    def look(self) -> Upkeep:
        return Upkeep(1, 0, None, self.free)


def readiness(cloud: Cloud, free: int | None = 10**12) -> Readiness:
    return Readiness(cloud.store, cloud.overview, cloud.targets, Data(free), cloud.clock)


def test_a_full_disk_is_not_well() -> None:
    cloud = Cloud()
    found = readiness(cloud, 1000)
    with pytest.raises(UnavailableError) as error:
        found.require_writable()
    assert error.value.code == "disk_full"
    assert ("disk_full", "data") in {(f.code, f.of) for f in found.look()}
    readiness(cloud, None).require_writable()
    readiness(cloud).require_writable()


def test_what_cannot_be_read_is_told_and_the_rest_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()

    def fail(*_: Any, **__: Any) -> Any:
        raise UnavailableError("the table is busy")

    monkeypatch.setattr(Overview, "all_nodes", fail)
    found = readiness(cloud).look()
    assert found[0].code == "store_unreachable"
    assert "no_dead_letters" in {f.code for f in found}
