"""Two machines under one cloud: the second one joins by a token, uploads over HTTP, and takes a publisher over."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.demo import media
from tests.waiting import until

from .conftest import CLIP_S
from .second_node import SecondNode, second_node
from .system import System, Witness, new_name

pytestmark = [pytest.mark.media, pytest.mark.slow]
WINDOW_S = 15


@pytest.fixture(scope="module")
def second(_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondNode]:
    with second_node(_system, tmp_path_factory.mktemp("second")) as node:
        yield node
    _system.api.call("DELETE", f"/v1/nodes/{node.node}")


@pytest.fixture
def beside(second: SecondNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    kept = Witness(second.media, tmp_path_factory.mktemp("beside") / "kept")
    yield kept
    kept.close()


@pytest.fixture
def patient(system: System) -> System:
    """The instance, which waits long enough for a reconnect elsewhere."""
    system.api.call("PATCH", "/v1/settings/record", {"merge_window_s": WINDOW_S})
    return system


def publish(system: System, second: SecondNode, name: str) -> subprocess.Popen[bytes]:
    """The whole clip, to the second node."""
    return media.publish(system.clip, f"{second.rtmp}/{name}?secret={system.secret}", loop=0)


def on(system: System, name: str) -> str | None:
    found = system.stream(name)
    return str(found["node"]) if found else None


def kept(proof: dict[str, Any]) -> list[str]:
    return [segment["sha256"] for segment in proof["segments"]]


def test_a_publisher_that_goes_to_the_other_node_is_one_recording(
    patient: System, second: SecondNode, witness: Witness, beside: Witness
) -> None:
    name = new_name("moves")
    patient.publish(name, seconds=CLIP_S).communicate(timeout=60)
    patient.gone(name)
    encoder = publish(patient, second, name)
    until(lambda: on(patient, name) == second.node, "it is live on the second node")
    encoder.communicate(timeout=60)
    recording = patient.recorded(name, WINDOW_S + 90)
    proof = patient.proof(recording)
    here, there = witness.hashes(name), beside.hashes(name)
    assert here
    assert there
    assert len(kept(proof)) == len(here) + len(there), "each once, the same clip on both nodes"
    assert set(kept(proof)) == here | there
    assert set(kept(proof)[: len(here)]) == here, "in the order in which it was published"
    assert {segment["key"].split("/")[2] for segment in proof["segments"]} == set(recording["nodes"])
    assert len(recording["nodes"]) == 2
    assert proof["gaps"] == []
    longest = max(s["duration_ms"] for s in proof["segments"]) / 1000
    links = patient.links(recording)
    for form in ("hls", "mp4"):
        assert media.duration(links[form]) == pytest.approx(2 * CLIP_S, abs=2 * longest), form
        assert media.decode(links[form], frames=int((2 * CLIP_S - 2 * longest) * 25)) == "", form
    came = patient.callbacks(name)
    assert {action: len(ids) for action, ids in came.items()} == {
        "on_publish": 2, "on_unpublish": 2, "on_record_begin": 1, "on_record_end": 1,
    }  # fmt: skip


def test_a_node_that_was_away_brings_its_share_when_it_is_back(
    patient: System, second: SecondNode, beside: Witness
) -> None:
    """Its agent dies while it records: what lies in the folders is uploaded when it is back, and nothing is missing."""
    name = new_name("dies")
    encoder = publish(patient, second, name)
    until(lambda: on(patient, name) == second.node, "it is live on the second node")
    until(lambda: len(beside.hashes(name)) >= 2, "segments are written")
    second.agent.kill()
    second.agent.wait()
    encoder.communicate(timeout=60)
    second.restart_agent()
    recording = patient.recorded(name, WINDOW_S + 120)
    assert beside.hashes(name) == set(kept(patient.proof(recording)))
    assert len(patient.sessions(name)) == 1


def test_a_drained_node_lets_nobody_in_and_the_other_goes_on(patient: System, second: SecondNode) -> None:
    patient.api.call("POST", f"/v1/nodes/{second.node}/drain")
    name = new_name("drained")
    said = until(
        lambda: media.try_publish(patient.clip, f"{second.rtmp}/{name}?secret={patient.secret}", 6), "refused", 40, 1
    )
    assert said
    encoder = patient.publish(name, seconds=CLIP_S)
    patient.live(name)
    encoder.communicate(timeout=60)
    patient.api.call("POST", f"/v1/nodes/{second.node}/resume")
