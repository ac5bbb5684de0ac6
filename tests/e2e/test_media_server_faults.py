"""The media server is killed in the middle of a stream: its hooks never come, and all must end well without them."""

from __future__ import annotations

import signal
import time

import pytest

from tests.waiting import until

from .system import System, Witness, moment, new_name

pytestmark = pytest.mark.media

CLOSED_S = 30.0
SILENT_S = 15.0
"""More than twice of what ends the sessions of one that is gone."""


def test_o3_a_media_server_that_answers_late_keeps_its_sessions(system: System, witness: Witness) -> None:
    name = new_name("late")
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: len(witness.hashes(name)) >= 2, "segments are written")
    server = system.media_server()
    try:
        server.suspend()
        until(lambda: _silent(system), "the agent says that it does not answer")
        time.sleep(SILENT_S)
        assert system.live(name)["session"] == session
    finally:
        server.resume()
    until(lambda: _silent(system) is False, "it answers")
    assert system.live(name)["session"] == session
    assert not system.sessions(name), "nothing of it is over"
    system.end(encoder)
    system.gone(name)
    assert [s["id"] for s in system.sessions(name)] == [session]
    system.assert_whole(name, witness)


def test_a_media_server_that_quits_lets_its_publishers_finish(system: System, witness: Witness) -> None:
    """SIGQUIT: it listens nowhere any more, and goes on until the last publisher has left."""
    name = new_name("quit")
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: len(witness.hashes(name)) >= 2, "segments are written")
    server = system.media_server()
    server.send_signal(signal.SIGQUIT)
    until(lambda: _silent(system), "the agent says that it does not answer")
    written = len(witness.hashes(name))
    until(lambda: len(witness.hashes(name)) >= written + 2, "it goes on")
    assert system.live(name)["session"] == session
    system.end(encoder)
    system.gone(name)
    (over,) = system.sessions(name)
    assert (over["id"], over["inferred"]) == (session, False)
    system.assert_whole(name, witness)
    _comes_back(system, witness, server.pid)


@pytest.mark.alone
def test_a_killed_media_server_closes_its_sessions_and_comes_back(system: System, witness: Witness) -> None:
    name = new_name("crash")
    encoder = system.publish(name)
    session = system.live(name)["session"]
    until(lambda: len(witness.hashes(name)) >= 2, "segments are written")
    server = system.media_server()
    killed = time.time()
    server.kill()
    system.gone(name, CLOSED_S)
    assert time.time() - killed <= CLOSED_S
    (over,) = system.sessions(name)
    assert over["id"] == session
    assert over["inferred"] is True
    assert moment(over["ended_at"]) - killed <= CLOSED_S
    encoder.communicate(timeout=20)
    system.assert_whole(name, witness, unfinished=1)

    _comes_back(system, witness, server.pid)


def _comes_back(system: System, witness: Witness, besides: int) -> None:
    """Another media server than that process is there, and takes publishers."""
    until(lambda: system.media_server().pid != besides, "the media server is started again")
    until(lambda: system.agent_status()["media_server"]["up"], "the agent sees it")
    again = new_name("again")
    encoder = system.publish(again)
    system.live(again)
    until(lambda: len(witness.hashes(again)) >= 1, "segments are written")
    system.end(encoder)
    system.gone(again)
    system.assert_whole(again, witness)


def _silent(system: System) -> bool | None:
    """Whether the agent says that the media server does not answer; None: the agent does not say anything now."""
    found = system.agent_status().get("media_server")
    return None if found is None else found["silent_since"] is not None
