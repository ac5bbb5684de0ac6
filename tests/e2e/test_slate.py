"""A target whose source goes away and comes back: its connection goes on, and it shows the slate meanwhile."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import pytest

from edge.push.slate.argv import CARD
from infra.local.tools import find_ffmpeg
from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, new_name

pytestmark = pytest.mark.media

AWAY_S = 30.0
_SIZE = (32, 18)
_ALIKE = 25.0
"""Mean difference of grey levels up to which two pictures of 32 by 18 count as the same."""


def _picture(url: str) -> list[int]:
    """What somebody who joins now sees first, in 32 by 18 grey levels."""
    argv = [find_ffmpeg().path, "-v", "error", "-i", url, "-frames:v", "1"]
    argv += ["-vf", f"scale={_SIZE[0]}:{_SIZE[1]}:flags=area", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]
    done = subprocess.run(argv, capture_output=True, timeout=40, check=True)
    return list(done.stdout)


def _difference(picture: list[int], path: Path) -> float:
    other = _picture(str(path))
    return sum(abs(a - b) for a, b in zip(picture, other, strict=True)) / len(other)


def test_a_target_is_kept_alive_with_the_slate_while_its_source_is_away(system: System, sink: RtmpSink) -> None:
    name, out, key = new_name("source"), new_name("out"), new_name("key")
    slate = {"enabled": True, "minutes": 5}
    watched = system.add_destination(name, system.rtmp(f"live/{out}?secret={system.secret}"), slate=slate)
    counted = system.add_destination(name, sink.url(key), slate=slate)
    encoder = system.publish(name)
    system.live(out, 40)
    until(lambda: sink.flowing(key), "the target gets media", 30)
    assert _difference(_picture(system.rtmp(f"live/{out}")), CARD) > _ALIKE

    system.end(encoder)
    away = time.monotonic()
    until(lambda: system.push(watched).get("slate"), "the slate is told", 40)
    assert _difference(_picture(system.rtmp(f"live/{out}")), CARD) < _ALIKE
    while time.monotonic() - away < AWAY_S:
        assert sink.flowing(key, within_s=6)
        time.sleep(0.5)

    encoder = system.publish(name)
    until(lambda: system.push(watched).get("slate") is False, "the live picture is back", 40)
    assert _difference(_picture(system.rtmp(f"live/{out}")), CARD) > _ALIKE
    time.sleep(3)
    (publish,) = sink.of(key)
    assert publish.ended is None, "the connection never dropped"
    stamps = [stamp for _, stamp in publish.video]
    assert stamps == sorted(stamps)
    assert len(system.sessions(name)) == 1, "the source had a session of its own each time"
    assert system.sessions(out) == [], "the target saw one, which goes on"

    for destination in (watched, counted):
        system.api.call("POST", f"/v1/destinations/{destination['id']}/disable")
    until(lambda: publish.ended is not None, "the target is let go", 20)
    system.end(encoder)
    system.gone(out)


def test_a_picture_of_ones_own_is_taken_in_and_shown(system: System, sink: RtmpSink, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    argv = [
        find_ffmpeg().path,
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "color=white:s=640x360",
        "-frames:v",
        "1",
        str(mine),
    ]
    subprocess.run(argv, check=True, timeout=20)
    content = mine.read_bytes()
    name, key = new_name("source"), new_name("key")
    call = "/terraform/v1/ffmpeg/vlive/upload/mine.png"
    with httpx.Client(base_url=system.api.url, trust_env=False, timeout=30) as http:
        bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
        found = http.post(call, files={"file": ("mine.png", content)}, headers=bearer).json()["data"]
    destination = system.add_destination(name, sink.url(key), slate={"enabled": True, "file": found["target"]})
    assert destination["slate"]["file"].startswith("slate/")
    kept = system.home / destination["slate"]["file"]
    assert kept.read_bytes() == content
    encoder = system.publish(name)
    until(lambda: sink.flowing(key), "the target gets media", 30)
    system.end(encoder)
    until(lambda: system.push(destination).get("slate"), "the slate is shown", 40)
    assert not [
        line for line in (system.home / "logs" / "agent.log").read_text().splitlines() if "file_missing" in line
    ]
    changed = system.api.call("PATCH", f"/v1/destinations/{destination['id']}", {"slate": {"enabled": False}})
    assert changed["slate"]["enabled"] is False
    until(lambda: not sink.flowing(key), "the target is let go", 20)
