"""A second publisher, with the right secret, on a stream that is live: nothing changes for the first one, whichever way
each of them comes.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest

from infra.local.demo import media
from infra.local.tools import find_srs
from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, Witness, new_name
from .test_delivery import srt
from .test_whip import offered

pytestmark = pytest.mark.media
WAYS = [("rtmp", "rtmp"), ("rtmp", "srt"), ("rtmp", "whip"), ("srt", "rtmp"), ("srt", "srt"), ("srt", "whip")]


@pytest.mark.parametrize(
    ("first_by", "second_by"),
    [pytest.param(*ways, marks=[] if ways == ("rtmp", "rtmp") else pytest.mark.srs) for ways in WAYS],
)
def test_a_second_publisher_changes_nothing(
    system: System, sink: RtmpSink, witness: Witness, first_by: str, second_by: str
) -> None:
    if {first_by, second_by} != {"rtmp"} and not find_srs():
        pytest.skip("the stand-in takes RTMP alone: name SRS with SRS_BIN")
    name, key = new_name("busy"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    first = _published(system, name, first_by)
    system.live(name)
    until(lambda: sink.flowing(key) and system.push(destination).get("state") == "running", "the push runs")
    system.received.wait_for("on_record_begin", name, 20)
    before = _seen(system, name, destination)

    for _ in range(3):
        assert _turned_away(system, name, second_by)
    time.sleep(3)

    assert first.poll() is None
    assert _seen(system, name, destination) == before
    assert len(sink.of(key)) == 1
    assert sink.flowing(key)
    system.end(first)
    system.gone(name)
    assert first_by == "srt" or sink.of(key)[0].frame_gap_ms() <= 80
    system.assert_whole(name, witness)
    assert len(system.recordings(name)) == 1


def _published(system: System, name: str, by: str) -> subprocess.Popen[bytes]:
    if by == "rtmp":
        return system.publish(name)
    encoder = media.publish(system.clip, srt(system, name, "publish", system.secret), loop=-1)
    system._encoders.append(encoder)
    return encoder


def _turned_away(system: System, name: str, by: str) -> bool:
    """Whether a second encoder that comes this way is, within seconds."""
    if by == "whip":
        answer = offered(system, name, system.secret)
        return (answer.status_code, answer.text) == (403, "the stream has a publisher\n")
    if by == "srt":
        return media.try_publish(system.clip, srt(system, name, "publish", system.secret), 8) != ""
    return system.refused(f"live/{name}?secret={system.secret}")


def _seen(system: System, name: str, destination: dict[str, Any]) -> dict[str, Any]:
    """What a second publisher must not change."""
    push = system.push(destination)
    return {
        "live": system.live(name)["session"],
        "over": system.sessions(name),
        "recordings": [r["id"] for r in system.recordings(name)],
        "lease": (push["session"], push["fence"], push["node"]),
        "workers": [p.pid for p in system.workers()],
        "callbacks": system.callbacks(name),
        "sessions": sorted({e["session"] for e in system.events(name)}),
    }
