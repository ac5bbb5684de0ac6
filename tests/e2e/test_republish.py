"""An encoder that ends its publish and begins another one on the same connection, where the media server gives it the
same client id: each is a session of its own, and nothing of either is lost.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.waiting import until

from .rtmp_client import rtmp_client
from .rtmp_sink import RtmpSink
from .system import MERGE_S, System, Witness, new_name
from .test_delivery import _publisher

pytestmark = pytest.mark.media
PUBLISH_S = 5.0


@pytest.mark.parametrize("pause_s", [0.0, 2.0 * MERGE_S])
def test_what_is_published_again_on_the_same_connection_is_another_session(
    system: System, sink: RtmpSink, witness: Witness, pause_s: float
) -> None:
    name, key = new_name("again"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    sessions, clients = [], []
    with rtmp_client(int(system.environment["RTMP_PORT"]), "live") as client:
        for n in range(2):
            client.publish(f"{name}?secret={system.secret}")
            client.play_out(system.clip, PUBLISH_S)
            sessions.append(system.live(name)["session"])
            clients.append(_publisher(system, name))
            until(lambda n=n: system.push(destination).get("session") == sessions[n], "it is pushed")  # type: ignore[misc]
            client.unpublish()
            time.sleep(pause_s)
        system.gone(name)
        assert (len(set(sessions)), len(set(clients))) == (2, 1)
        over = until(lambda: s if len(s := system.sessions(name)) == 2 else None, "both are over")
        assert {(s["id"], s["inferred"]) for s in over} == {(id_, False) for id_ in sessions}
    recordings = until(lambda: _finished(system, name), "all is finished", 90)
    kept = Counter(s["sha256"] for r in recordings for s in system.proof(r)["segments"])
    assert not witness.hashes(name) - set(kept)
    assert max(kept.values()) <= 2, "the clip begins anew with each publish: a segment may be alike"
    assert [gap for r in recordings for gap in system.proof(r)["gaps"]] == []
    until(lambda: len(system.callbacks(name).get("on_unpublish", ())) == 2, "both ends are told")
    assert len(system.callbacks(name)["on_publish"]) == 2


def _finished(system: System, name: str) -> list[dict[str, object]]:
    found = system.recordings(name)
    return found if found and all(r["state"] == "ready" for r in found) else []
