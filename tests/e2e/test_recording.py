"""A recording from end to end: whole, proved, playable from the store by those who may, and gone when deleted."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from infra.local.demo import media
from tests.waiting import until

from .conftest import CLIP_S
from .system import FPS, System, Witness, moment, new_name

pytestmark = pytest.mark.media


def _get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=20, trust_env=False, follow_redirects=True)


def test_a_recording_is_whole_and_belongs_to_those_who_may(system: System, witness: Witness) -> None:
    name = new_name("rec")
    encoder = system.publish(name, seconds=CLIP_S)
    encoder.communicate(timeout=60)
    assert encoder.returncode == 0
    system.gone(name)
    recording = system.assert_whole(name, witness)
    proof, links = system.proof(recording), system.links(recording)

    longest = max(s["duration_ms"] for s in proof["segments"]) / 1000
    for form in ("hls", "mp4"):
        assert media.duration(links[form]) == pytest.approx(CLIP_S, abs=longest), form
        assert media.codecs(links[form]) == ["aac", "h264"]
        assert media.decode(links[form], frames=int((CLIP_S - longest) * FPS)) == "", form
    assert recording["duration_ms"] / 1000 == pytest.approx(CLIP_S, abs=longest)
    assert recording["gaps"] == 0
    assert recording["mp4_bytes"] == len(_get(links["mp4"]).content)
    picture = _get(links["thumbnail"])
    assert picture.status_code == 200
    assert picture.content.startswith(b"\xff\xd8")

    playlist = [line for line in _get(links["hls"]).text.splitlines() if line and not line.startswith("#")]
    assert len(playlist) == len(proof["segments"])
    assert not any(line.startswith("/") or ":" in line for line in playlist), "a playlist holds relative paths only"
    base = links["hls"].rsplit("/", 1)[0]
    for path, segment in zip(playlist, proof["segments"], strict=True):
        content = _get(f"{base}/{path}").content
        assert segment["key"].endswith(path)
        assert hashlib.sha256(content).hexdigest() == segment["sha256"]
        assert len(content) == segment["bytes"]

    _assert_not_copied(system, proof["segments"], witness)
    _assert_private(system, recording["id"], links["mp4"], proof["segments"][0]["key"])
    _assert_deletable(system, recording["id"], links, f"{base}/{playlist[0]}")


def _assert_not_copied(system: System, segments: list[dict[str, Any]], witness: Witness) -> None:
    """An object is the very file that the media server wrote: one inode, two names."""
    witness.look()
    written = witness.inodes()
    for segment in segments:
        assert (system.home / "objects" / segment["key"]).stat().st_ino in written, segment["key"]


def _assert_private(system: System, recording: str, link: str, key: str) -> None:
    """Without a share or the API's token there is no way to it."""
    api, url = system.api.url + "/v1", system.api.url
    for path in (f"/recordings/{recording}", f"/recordings/{recording}/manifest", "/recordings", "/streams"):
        assert _get(api + path).status_code == 401, path
        assert _get(api + path, Authorization="Bearer wrong").status_code == 401, path
    bearer = {"Authorization": f"Bearer {system.instance.at['api_secret']}"}
    of_old = f"{url}/terraform/v1/hooks/record/hls/{recording}/index.mp4"
    signed = httpx.get(of_old, headers=bearer, timeout=20, trust_env=False).headers["location"]
    assert _get(url + signed).status_code == 200
    _, _, opens, _, name = signed.split("/")
    expires, seal = opens.split("-")
    stranger = "00000000-0000-4000-8000-000000000000"
    tampered = [f"{expires}-{'0' * len(seal)}", f"{int(expires, 16) + 1:08x}-{seal}", "x", "..", f"{opens}%2f.."]
    paths = [f"/recordings/{token}/{recording}/{name}" for token in tampered]
    paths += [f"/recordings/{opens}/{stranger}/{name}", f"/recordings/{opens}/{recording}/../{stranger}/{name}"]
    paths += [f"/recordings/{opens}/{recording}/", f"/recordings/{recording}/{name}", f"/{key}", f"/objects/{key}"]
    for path in paths:
        assert _get(url + path).status_code in (400, 403, 404), path
    token = link.split("/")[-2]
    body = token.split(".")[1]
    for forged in (token[:-4] + "AAAA", token.replace(body, body[:-2] + "AA"), "x", "a.b.c"):
        assert _get(f"{api}/shares/{forged}/index.mp4").status_code == 403, "a forged share"
    for other in ("../x", "..%2fx", "index.html", "%2e%2e/%2e%2e/x"):
        assert _get(f"{api}/shares/{token}/{other}").status_code in (400, 403, 404), other


def _assert_deletable(system: System, recording: str, links: dict[str, str], segment: str) -> None:
    objects = [p for p in (system.home / "objects").rglob("*") if recording in str(p) and p.is_file()]
    assert objects, "the store keeps its objects where this test looks for them"
    system.api.call("DELETE", f"/v1/recordings/{recording}")
    system.api.call("POST", f"/v1/recordings/{recording}/purge")
    left = [p for p in (system.home / "objects").rglob("*") if recording in str(p) and p.is_file()]
    assert left == []
    for url in (*links.values(), segment):
        assert _get(url).status_code in (403, 404), url
    assert _get(f"{system.api.url}/v1/recordings/{recording}").status_code == 401
    listed = [r["id"] for r in system.api.items("/v1/recordings", 100)]
    assert recording not in listed


@pytest.mark.alone
def test_a4_what_is_no_longer_recorded_is_finished_while_its_stream_goes_on(system: System) -> None:
    """And while it runs it counts, begins with its first picture, and links to no MP4 (R6)."""
    name = new_name("apply")
    encoder = system.publish(name)
    live = system.live(name)

    def mine() -> dict[str, Any] | None:
        found = system.api.call("GET", "/v1/recordings", limit=20)["items"]
        return next((dict(r) for r in found if r["name"] == name and r["segments"] > 0), None)

    running = until(mine, "a running recording counts its segments", 60)
    assert running["state"] == "recording"
    assert running["bytes"] > 0
    began = abs(moment(running["started_at"]) - moment(live["live_at"]))
    assert began < 3, "it begins with its first picture"
    share = system.api.call("POST", f"/v1/recordings/{running['id']}/shares", {})
    assert share["links"]["mp4"] is None
    try:
        system.api.call("PATCH", "/v1/settings/record", {"enabled": False})
        until(lambda: (r := mine()) and r["state"] == "ready", "it is finished", 30)
        assert system.live(name)["session"] == live["session"], "the stream goes on"
    finally:
        system.api.call("PATCH", "/v1/settings/record", {"enabled": True})
    system.end(encoder)
    system.gone(name)
    assert [r["id"] for r in system.api.call("GET", "/v1/recordings", limit=20)["items"] if r["name"] == name] == [
        running["id"]
    ]


def _running(system: System, name: str) -> str:
    """The recording of a live stream, as soon as something of it is there."""
    found = until(lambda: [r for r in system.recordings(name) if r["state"] == "recording"], f"{name} is recorded", 30)
    return str(found[0]["id"])


def _finished(system: System, recording: str) -> None:
    def state() -> bool:
        return str(system.api.call("GET", f"/v1/recordings/{recording}")["state"]) == "ready"

    until(state, "the recording is finished", 60)


@pytest.mark.parametrize("first", ["the publisher leaves", "the end is asked for"])
def test_a10_an_end_in_the_second_in_which_the_publisher_leaves(system: System, first: str) -> None:
    name = new_name("a10")
    # Longer than the test waits: who waits for a reconnect fails it.
    system.api.call("PATCH", "/v1/settings/record", {"merge_window_s": 300})
    encoder = system.publish(name)
    running = _running(system, name)
    steps = [encoder.kill, lambda: system.api.call("POST", f"/v1/recordings/{running}/end", {})]
    for step in steps if first == "the publisher leaves" else reversed(steps):
        step()
    _finished(system, running)
    system.gone(name)
    # What came behind the cut, if anything did, is a recording of its own.
    for other in system.recordings(name):
        if other["state"] == "recording":
            system.api.call("POST", f"/v1/recordings/{other['id']}/end", {})
        _finished(system, other["id"])


def test_a4_one_that_waits_for_a_reconnect_is_finished_when_it_is_no_longer_wanted(system: System) -> None:
    name = new_name("a4w")
    system.api.call("PATCH", "/v1/settings/record", {"merge_window_s": 300})
    encoder = system.publish(name)
    running = _running(system, name)
    system.end(encoder)
    system.gone(name)
    system.api.call("PATCH", "/v1/settings/record", {"globs": ["/nothing/*"]})
    _finished(system, running)
