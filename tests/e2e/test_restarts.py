"""The whole instance is stopped, killed and started again; the host is killed under a running stream."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from infra.local.demo import media
from tests.waiting import until

from .conftest import CLIP_S
from .rtmp_sink import RtmpSink
from .system import FPS, System, Witness, new_name

pytestmark = pytest.mark.media

OUTAGE_S = 6.0
"""Killed each time it comes up again, after 0.5, 1 and 2 s, the host is back after 7.5 s."""


def _play(system: System, recording: dict[str, object]) -> None:
    links = system.links(recording)
    for form in ("hls", "mp4"):
        assert media.decode(links[form], frames=FPS) == "", form


def test_what_was_there_is_there_after_a_stop_and_after_a_kill(system: System, witness: Witness) -> None:
    name = new_name("past")
    encoder = system.publish(name, seconds=CLIP_S)
    encoder.communicate(timeout=60)
    recording = system.recorded(name)
    destination = system.add_destination("somewhere-else", "rtmp://127.0.0.1:1/x/key")
    settings = {path: system.api.call("GET", f"/v1/settings/{path}") for path in ("publish", "record", "callbacks")}
    node = [n["id"] for n in system.api.call("GET", "/v1/nodes")["items"]]

    def check() -> None:
        assert {path: system.api.call("GET", f"/v1/settings/{path}") for path in settings} == settings
        assert system.api.call("GET", f"/v1/destinations/{destination['id']}")["name"] == destination["name"]
        assert system.recorded(name) == recording
        assert [n["id"] for n in system.api.call("GET", "/v1/nodes")["items"]] == node, "the node is the same"
        _play(system, recording)

    def cut_off(live: str) -> None:
        """A stream that was on its way is closed and finished after the start."""
        system.gone(live)
        # What the media server was writing when it ended is kept as well.
        system.assert_whole(live, witness, unfinished=1)
        assert system.sessions(live)[0]["inferred"] is True

    for how in (signal.SIGTERM, signal.SIGKILL):
        live = new_name("cut")
        encoder = system.publish(live)
        system.live(live)
        until(lambda: len(witness.hashes(live)) >= 2, "segments are written")  # noqa: B023 - called at once
        children = psutil.Process(system.instance.pid).children(recursive=True)
        os.kill(system.instance.pid, how)
        until(lambda: not any(map(_runs, children)), "nothing outlives the launcher", 30)  # noqa: B023
        encoder.communicate(timeout=20)
        system.stop()
        system.start()
        check()
        cut_off(live)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_host_comes_back_with_what_it_knew(system: System, sink: RtmpSink, witness: Witness) -> None:
    name, key = new_name("cloud"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: system.push(destination).get("state") == "running", "the push runs")

    changed = system.api.call("PATCH", "/v1/settings/record", {"merge_window_s": 2})
    host = system.host()
    host.kill()  # at once: what was answered is on the disk
    until(lambda: (child := system.child("infra.local.host")) and child.pid != host.pid, "it is started again")
    until(lambda: _answers(system), "the API answers", 60)
    assert system.api.call("GET", "/v1/settings/record") == changed
    assert sink.flowing(key), "the push went on"
    assert len(sink.of(key)) == 1
    assert system.live(name, 60)["session"] == session
    system.end(encoder)
    system.gone(name)
    assert sink.of(key)[0].frame_gap_ms() <= 80
    assert system.assert_whole(name, witness)["sessions"] == [session]
    until(lambda: not system.push(destination), "the lease is given back")


def test_during_an_outage_known_secrets_publish_and_others_do_not(
    system: System, sink: RtmpSink, witness: Witness
) -> None:
    before, name, key = new_name("old"), new_name("outage"), new_name("key")
    system.add_destination(before, sink.url(key))
    first = system.publish(before)
    system.live(before)
    until(lambda: sink.flowing(key), "the push runs")
    with system.held_down(lambda: system.child("infra.local.host"), OUTAGE_S):
        second = system.publish(name)
        until(lambda: witness.hashes(name), "the stream of the outage is written", 15)
        assert second.poll() is None
        assert system.refused(f"live/{new_name('outage')}?secret=wrong")
        assert system.refused(f"live/{new_name('outage')}")
        assert sink.flowing(key)
    until(lambda: _answers(system), "the API answers", 60)
    system.live(name, 60)
    for encoder in (first, second):
        system.end(encoder)
    for stream in (before, name):
        system.gone(stream)
    assert len(sink.of(key)) == 1, "the push went on through it all"
    system.assert_whole(before, witness)
    # The publish callback could not be asked; all that came after it is told.
    recording = system.recorded(name)
    kept = {s["sha256"] for s in system.proof(recording)["segments"]}
    assert kept == witness.hashes(name)
    system.received.wait_for("on_record_end", name, 60)
    came = system.callbacks(name)
    assert set(came) - {"on_publish"} == {"on_record_begin", "on_unpublish", "on_record_end"}
    assert all(len(ids) == 1 for ids in came.values()), came


def _answers(system: System) -> bool:
    from infra.cli.client import CliError

    try:
        system.api.call("GET", "/v1/health")
        system.api.call("GET", "/v1/streams")
    except CliError:
        return False
    return True
