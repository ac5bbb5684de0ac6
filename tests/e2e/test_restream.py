"""Restreaming as a platform sees it, message by message, and as the acceptance promises it in time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import until

from .rtmp_sink import Publish, RtmpSink, black_hole
from .system import FPS, System, moment, new_name

pytestmark = pytest.mark.media

BEGIN_S = 2.0
STOP_S = 2.0
FRAME_MS = 1000 / FPS


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _began(sink: RtmpSink, key: str, count: int = 1, seconds: float = 20) -> Publish:
    until(lambda: len(sink.of(key)) >= count, f"{key} gets media for the {count}. time", seconds, 0.02)
    return sink.of(key)[count - 1]


@pytest.mark.alone
def test_a_destination_gets_media_within_two_seconds_and_a_killed_worker_comes_back(
    system: System, sink: RtmpSink
) -> None:
    name, key = new_name("push"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    encoder = system.publish(name)
    first = _began(sink, key)
    assert first.first is not None
    admitted = moment(system.event(name, "session.admitted")["at"])
    assert first.first - admitted <= BEGIN_S, "the destination's first packet, after the admission"
    until(lambda: system.push(destination).get("state") == "running", "the API shows the push as running")

    (worker,) = until(system.workers, "the worker runs")
    worker.kill()
    second = _began(sink, key, 2)
    assert second.began > (first.ended or 0)
    until(lambda: sink.flowing(key), "media flows again")
    assert len(system.workers()) == 1
    assert len(system.events(name)) > 0
    session = system.live(name)["session"]
    system.end(encoder)
    system.gone(name)
    until(lambda: not system.workers(), "no worker is left", 15)
    assert [s["id"] for s in system.sessions(name)] == [session]


def test_a_dead_and_a_silent_destination_disturb_no_other(system: System, sink: RtmpSink) -> None:
    name, key = new_name("push"), new_name("key")
    with black_hole() as silent:
        dead = [
            system.add_destination(name, f"rtmp://127.0.0.1:{port}/x/{new_name('dead')}")
            for port in (_closed_port(), silent)
        ]
        system.add_destination(name, sink.url(key))
        encoder = system.publish(name)
        _began(sink, key)
        for destination in dead:
            until(lambda d=destination: _tried(system.push(d)), "it is tried again and again", 60, 0.5)  # type: ignore[misc]
        system.end(encoder)
        system.gone(name)
    (healthy,) = sink.of(key)
    assert healthy.frame_gap_ms() <= 2 * FRAME_MS, "no picture is missing"
    # Every picture from the first to the last: what the encoder sent at its pace arrived.
    sent_s = (healthy.video[-1][1] - healthy.video[0][1]) / 1000
    assert len(healthy.video) == pytest.approx(sent_s * FPS + 1, abs=3)
    for destination in dead:
        error = until(lambda d=destination: not system.push(d), "the lease is given back")  # type: ignore[misc]
        assert error is True


def _tried(push: dict[str, Any]) -> bool:
    return push.get("state") == "retrying" and push["attempt"] >= 1 and bool(push["last_error"])


def test_a_push_follows_its_destination_s_switch(system: System, sink: RtmpSink) -> None:
    name, key = new_name("push"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    path = f"/v1/destinations/{destination['id']}"
    encoder = system.publish(name)
    _began(sink, key)

    _stops(sink, key, lambda: system.api.call("PATCH", path, {"enabled": False}))
    time.sleep(3)
    assert len(sink.of(key)) == 1, "it stays stopped"
    until(lambda: not system.push(destination), "the lease is given back")

    system.api.call("PATCH", path, {"enabled": True})
    _began(sink, key, 2)
    other = new_name("key")
    system.api.call("PATCH", path, {"url": sink.url(other)})
    _began(sink, other)
    until(lambda: not sink.flowing(key), "nothing goes to the old address")

    _stops(sink, other, lambda: system.api.call("DELETE", path))
    until(lambda: not system.workers(), "no worker is left")
    assert system.live(name)["state"] == "live", "the source went on"
    system.end(encoder)
    system.gone(name)


@pytest.mark.alone
def test_an_edited_destination_keeps_its_lease(system: System, sink: RtmpSink) -> None:
    name, key, other = new_name("push"), new_name("key"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    path = f"/v1/destinations/{destination['id']}"
    encoder = system.publish(name)
    _began(sink, key)
    system.api.call("PATCH", path, {"name": "renamed"})
    system.api.call("PATCH", path, {"url": sink.url(other)})
    _began(sink, other)
    until(lambda: not sink.flowing(key), "nothing goes to the old address")
    until(lambda: [s for s, _ in _told(system, name)].count("running") == 2, "it is told as running again")
    states = _told(system, name)
    assert "stopped" not in {state for state, _ in states}, "its lease was given away"
    assert len({fence for _, fence in states}) == 1
    assert len(sink.of(key)) == 1, "the new name cut it off"
    system.end(encoder)
    system.gone(name)


def _told(system: System, name: str) -> list[tuple[str, int]]:
    """The changes of state of a stream's pushes, each with the fence of its lease."""
    told = [e["data"] for e in system.events(name) if e["kind"] == "push.state"]
    found = [(data["state"], data["fence"]) for data in told]
    return [pair for i, pair in enumerate(found) if i == 0 or found[i - 1] != pair]


def _stops(sink: RtmpSink, key: str, action: Callable[[], object]) -> None:
    """The action ends the destination's connection within the promised time."""
    publish = sink.of(key)[-1]
    asked = time.time()
    action()
    until(lambda: publish.ended is not None, f"the push of {key} ends", 15, 0.02)
    assert publish.ended is not None
    assert publish.ended - asked <= STOP_S


def test_d4_what_a_platform_does_not_take_is_said_and_not_tried(system: System, sink: RtmpSink) -> None:
    if system.agent_status()["media_server"]["kind"] == "srs":
        pytest.skip("SRS does not say of sound other than AAC, MP3 and Opus that it is there")
    name, key = new_name("push"), new_name("key")
    destination = system.add_destination(name, sink.url(key), platform="twitch")
    pictures = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=440"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"]
    encoder = system.encode([*pictures, *codecs, "-f", "flv", system.rtmp(f"live/{name}?secret={system.secret}")])
    push = until(lambda: (p := system.push(destination)).get("code") and p, "the push says why it waits", 30)
    assert (push["state"], push["code"]) == ("waiting", "codec_not_taken")
    assert "H.264, AAC, MP3" in push["last_error"]
    system.end(encoder)
    system.gone(name)
    # What it holds is known within a second or so of its first picture; from then on the platform is left alone.
    assert len(sink.of(key)) <= 1
    before = len(sink.of(key))
    # The same destination serves the next stream, which fits.
    following = system.publish(name)
    _began(sink, key, before + 1)
    until(lambda: system.push(destination).get("state") == "running", "the push runs")
    assert system.push(destination)["code"] == ""
    system.end(following)


def test_d4_hevc_is_not_pushed_as_sound_alone(system: System, sink: RtmpSink) -> None:
    if system.agent_status()["media_server"]["kind"] != "srs":
        pytest.skip("the stand-in has no SRT")
    name, key = new_name("push"), new_name("key")
    destination = system.add_destination(name, sink.url(key), platform="twitch")
    pictures = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=440"]
    codecs = ["-c:v", "libx265", "-preset", "ultrafast", "-g", "25", "-x265-params", "log-level=error", "-c:a", "aac"]
    url = (
        f"srt://127.0.0.1:{system.environment['SRT_PORT']}?streamid=#!::r=live/{name},secret={system.secret},m=publish"
    )
    encoder = system.encode([*pictures, *codecs, "-f", "mpegts", url])
    push = until(lambda: (p := system.push(destination)).get("code") and p, "it is said", 30)
    assert push["code"] == "codec_not_taken"
    assert "HEVC" in push["last_error"]
    assert len(sink.of(key)) <= 1
    system.end(encoder)


@pytest.mark.parametrize("more", ["", "&t=a+b&u=1"])
def test_d1_an_srt_target_gets_all_behind_its_mark(system: System, more: str) -> None:
    if system.agent_status()["media_server"]["kind"] != "srs":
        pytest.skip("the stand-in has no SRT")
    name, other = new_name("push"), new_name("pushed")
    server = f"srt://127.0.0.1:{system.environment['SRT_PORT']}?streamid=#!::r=live/"
    key = f"{other}?secret={system.secret}{more},m=publish"
    destination = system.add_destination(name, "", server=server, key=key)
    encoder = system.publish(name)
    system.live(other)
    until(lambda: system.push(destination).get("state") == "running", "the push runs")
    system.end(encoder)
    system.gone(other)


def test_n6_a_new_publish_secret_cuts_off_no_push_of_ours(system: System) -> None:
    name, copy, before = new_name("own"), new_name("copy"), system.secret
    destination = system.add_destination(name, f"{system.rtmp(f'copies/{copy}')}?secret={before}")
    encoder = system.publish(name)
    until(lambda: system.stream(copy), "the copy is live")
    session = system.live(copy)["session"]
    path = "/v1/settings/publish"
    try:
        changed = system.api.call("PATCH", path, {"secret": "another-secret-of-mine"})
        told = {use["stream"]: use for use in changed["uses"]["items"]}
        assert (told[f"live/{name}"]["which"], told[f"live/{name}"]["live"]) == ("old", True)
        assert f"copies/{copy}" not in told, "it came in without a secret"
        (worker,) = system.workers()
        worker.kill()
        until(lambda: (system.stream(copy) or {"session": session})["session"] != session, "the copy comes back")
        until(lambda: system.push(destination).get("state") == "running", "the push runs")
        assert system.refused(f"live/{new_name('stranger')}?secret={before}")
        assert all("sluice_push" not in str(hook) for hook in system.received.calls)
    finally:
        system.api.call("PATCH", path, {"secret": before})
    system.end(encoder)
    system.gone(name)
