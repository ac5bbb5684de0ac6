"""The agent is killed, held down, told to stop and told to read its settings again, all in the middle of a stream."""

from __future__ import annotations

import signal
import time

import pytest

from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, Witness, new_name

pytestmark = pytest.mark.media

DOWN_S = 6.0
"""The launcher waits 0.5, 1, 2 and 4 s before it tries again: killed each time, the agent is back after 7.5 s."""
BACK_S = 20.0


@pytest.mark.alone
@pytest.mark.parametrize("down_s", [0.0, DOWN_S], ids=["at once", "after a while"])
def test_a_killed_agent_loses_nothing(system: System, sink: RtmpSink, witness: Witness, down_s: float) -> None:
    name, key = new_name("kill"), new_name("key")
    system.add_destination(name, sink.url(key))
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: sink.flowing(key), "the push runs")
    until(lambda: len(witness.hashes(name)) >= 2, "segments are written")

    pid = system.agent().pid
    (worker,) = system.workers()
    killed = time.monotonic()
    with system.held_down(lambda: system.child("-m", "edge"), down_s):
        until(lambda: not worker.is_running(), "the killed agent's FFmpeg is gone", 2)
    system.wait_for_agent(besides=pid)
    assert time.monotonic() - killed <= BACK_S
    until(lambda: sink.flowing(key) and len(system.workers()) == 1, "the push goes on", 20)
    assert len(sink.of(key)) == 2, "it was interrupted once"
    assert system.live(name)["session"] == session
    before = len(witness.hashes(name))
    until(lambda: len(witness.hashes(name)) >= before + 2, "segments are written after it")

    system.end(encoder)
    system.gone(name)
    until(lambda: not system.workers(), "no worker is left", 15)
    recording = system.assert_whole(name, witness)
    assert recording["sessions"] == [session]
    assert system.sessions(name)[0]["inferred"] is False


def test_a_stream_that_ends_while_the_agent_is_down_is_closed_and_whole(system: System, witness: Witness) -> None:
    name = new_name("kill")
    encoder = system.publish(name)
    system.live(name)
    until(lambda: len(witness.hashes(name)) >= 2, "segments are written")
    pid = system.agent().pid
    with system.held_down(lambda: system.child("-m", "edge"), DOWN_S):
        system.end(encoder)
    system.wait_for_agent(besides=pid)
    system.gone(name)
    system.assert_whole(name, witness)
    assert system.sessions(name)[0]["inferred"] is True


def test_reload_changes_nothing_and_a_stop_is_clean(system: System, sink: RtmpSink, witness: Witness) -> None:
    name, key = new_name("hup"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: system.push(destination).get("state") == "running", "the push runs")
    agent = system.agent()
    workers = [p.pid for p in system.workers()]

    agent.send_signal(signal.SIGHUP)
    time.sleep(3)
    assert system.agent().pid == agent.pid
    assert [p.pid for p in system.workers()] == workers
    assert system.live(name)["session"] == session
    assert len(sink.of(key)) == 1
    assert sink.flowing(key)

    agent.send_signal(signal.SIGTERM)
    until(lambda: not agent.is_running(), "the agent ends when asked", 6)
    until(lambda: sink.of(key)[0].ended is not None, "its push ended with it", 2)
    system.wait_for_agent(besides=agent.pid)
    until(lambda: len(sink.of(key)) == 2 and sink.flowing(key), "the push goes on", 20)
    said = (system.home / "logs" / "agent.log").read_text()
    assert '"event": "config.reloaded"' in said
    assert '"event": "agent.stopped"' in said

    system.end(encoder)
    system.gone(name)
    assert system.assert_whole(name, witness)["sessions"] == [session]
