"""Secrets of every kind in use: they are where they may be, and nowhere else. The end of each run looks once more."""

from __future__ import annotations

import httpx
import pytest

from tests.waiting import until

from .canaries import assert_hidden
from .rtmp_sink import RtmpSink
from .system import System, new_name

pytestmark = pytest.mark.media


def test_no_secret_is_in_a_log_a_callback_or_a_key(system: System, sink: RtmpSink) -> None:
    name, key = new_name("canary"), new_name("stream-key")
    target = system.add_destination(name, sink.url(key))
    dead = new_name("dead-key")
    system.add_destination(name, f"rtmp://user:{dead}@127.0.0.1:1/app/{dead}?auth={dead}")
    encoders = [system.publish(name), system.publish(name + system.secret, suffix="")]
    system.live(name)
    system.live(f"{name}***")
    until(lambda: system.push(target).get("state") == "running", "the push runs")
    assert system.refused(f"live/{name}?secret={system.secret}"), "the stream is live already"
    link = system.api.call("POST", "/v1/streams/play-links", {"stream": f"live/{name}"})
    httpx.get(link["urls"]["hls"], trust_env=False, timeout=10)
    for encoder in encoders:
        system.end(encoder)
    system.gone(name)
    system.recorded(name)
    system.assert_told(name)
    system.assert_told(f"{name}***")
    until(lambda: [r for r in system.recordings(f"{name}***") if r["state"] == "ready"], "it is finished", 60)
    canaries = system.secrets() | {"stream key": key, "dead stream key": dead, "play link": link["token"]}

    assert_hidden(system, canaries)
    assert set(system.callbacks(f"{name}***")) == set(system.callbacks(name)), "told under the name that is shown"
