"""The media server is killed in the middle of a stream: its hooks never come, and all must end well without them."""

from __future__ import annotations

import time

import pytest

from .system import System, Witness, moment, new_name, until

pytestmark = pytest.mark.media

CLOSED_S = 30.0


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
    system.assert_whole(name, witness)

    until(lambda: system.media_server().pid != server.pid, "the media server is started again")
    until(lambda: system.agent_status()["media_server"]["up"], "the agent sees it")
    again = new_name("crash")
    encoder = system.publish(again)
    system.live(again)
    until(lambda: len(witness.hashes(again)) >= 1, "segments are written")
    system.end(encoder)
    system.gone(again)
    system.assert_whole(again, witness)
