"""Recordings in a bucket of somebody else's server: published, recorded, played, shared, deleted; with the store away
in mid-stream; and from the folder to the bucket and back.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.start import Instance, start_instance
from tests.s3_server import ACCESS, SECRET, S3Server, s3_server
from tests.waiting import until

from .system import FRAGMENT_S, Witness, environment, free_port, new_name

pytestmark = pytest.mark.media
AWAY_S = float(os.environ.get("SLUICE_STORE_AWAY_S", "12"))
"""How long the store is away in mid-stream; the full test takes 120."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), free_port()) as running:
        running.bucket("recordings")
        yield running


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    home = tmp_path_factory.mktemp("instance") / "home"
    with start_instance(home, **environment()) as running:
        yield running


@pytest.fixture(scope="module")
def api(instance: Instance) -> Iterator[Api]:
    found = Api(instance.at["url"], instance.at["api_secret"])
    found.call("PATCH", "/v1/settings/record", {"merge_window_s": 1})
    yield found
    found.close()


@pytest.fixture
def witness(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    kept = Witness(instance.home / "media", tmp_path_factory.mktemp("witness") / "kept")
    yield kept
    kept.close()


def to_bucket(api: Api, server: S3Server) -> None:
    keys = {"access_key": ACCESS, "secret_key": SECRET}
    store = {"id": "others", "endpoint": server.url, "region": "us-east-1", "bucket": "recordings", "prefix": "a/b"}
    api.call("PATCH", "/v1/settings/store", {"store": store | keys})


def begin(instance: Instance, clip: Path, name: str) -> Any:
    url = f"{instance.at['rtmp']}/{name}?secret={instance.at['publish_secret']}"
    return media.publish(clip, url, loop=-1)


def recording(api: Api, name: str, seconds: float = 90) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = [r for r in api.items("/v1/recordings", 500) if r["name"] == name]
        assert all(r["state"] != "failed" for r in found), found
        return found[0] if found and found[0]["state"] == "ready" else None

    found = until(look, f"the recording of {name} is finished", seconds, 0.3)
    assert found is not None
    return found


def segments(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*.ts") if not p.name.startswith(".")]


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=20, trust_env=False, follow_redirects=True)


def assert_readable(api: Api, found: dict[str, Any], witness: Witness, name: str) -> dict[str, str]:
    """Every byte by a share, whole and in parts, without a URL of the store anywhere."""
    proof = api.call("GET", f"/v1/recordings/{found['id']}/manifest")
    written = witness.hashes(name)
    kept = [s["sha256"] for s in proof["segments"]]
    assert written
    assert sorted(kept) == sorted(written), f"{len(written - set(kept))} of {len(written)} segments are missing"
    assert proof["gaps"] == []
    share = api.call("POST", f"/v1/recordings/{found['id']}/shares", {})
    links = {form: api.url + path for form, path in share["links"].items() if isinstance(path, str)}
    text = get(links["hls"]).text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert not any(":" in line or "X-Amz" in line for line in lines)
    base = links["hls"].rsplit("/", 1)[0]
    for line, segment in zip(lines, proof["segments"], strict=True):
        body = get(f"{base}/{line}").content
        assert hashlib.sha256(body).hexdigest() == segment["sha256"]
    mp4 = get(links["mp4"])
    part = get(links["mp4"], Range="bytes=100-299")
    assert (part.status_code, part.content) == (206, mp4.content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(mp4.content)}"
    assert not {h for h in mp4.headers if h.startswith(("x-accel", "x-amz"))}
    assert media.decode(links["mp4"], frames=25) == ""
    assert media.decode(links["hls"], frames=25) == ""
    head = httpx.head(str(mp4.url), timeout=20, trust_env=False)
    assert (head.status_code, int(head.headers["content-length"])) == (200, len(mp4.content))
    assert head.content == b""
    return links


def test_a_recording_in_a_bucket(instance: Instance, api: Api, server: S3Server, clip: Path, witness: Witness) -> None:
    to_bucket(api, server)
    name = new_name("bucket")
    encoder = begin(instance, clip, name)
    time.sleep(4 * FRAGMENT_S)
    encoder.kill()
    encoder.communicate()
    found = recording(api, name)
    bucket = server.folder / "recordings" / "a" / "b"
    assert len(segments(bucket)) == len(witness.hashes(name))
    assert segments(instance.home / "objects") == []
    links = assert_readable(api, found, witness, name)
    api.call("DELETE", f"/v1/recordings/{found['id']}")
    api.call("POST", f"/v1/recordings/{found['id']}/purge")
    assert [p for p in bucket.rglob("*") if p.is_file()] == []
    assert get(links["mp4"]).status_code in (403, 404)
    everywhere = "".join(p.read_text(errors="replace") for p in (instance.home / "logs").iterdir())
    assert SECRET not in everywhere
    assert "X-Amz-Signature" not in everywhere


def test_the_store_is_away_in_mid_stream(
    instance: Instance, api: Api, server: S3Server, clip: Path, witness: Witness
) -> None:
    to_bucket(api, server)
    name = new_name("away")
    encoder = begin(instance, clip, name)
    time.sleep(3 * FRAGMENT_S)
    server.stop()
    time.sleep(AWAY_S)
    assert encoder.poll() is None, "the stream goes on"
    server.start()
    time.sleep(2 * FRAGMENT_S)
    encoder.kill()
    encoder.communicate()
    assert_readable(api, recording(api, name, 180), witness, name)


def test_from_the_folder_to_a_bucket_and_back(
    instance: Instance, api: Api, server: S3Server, clip: Path, witness: Witness
) -> None:
    api.call("PATCH", "/v1/settings/store", {"current": "folder"})
    name = new_name("moving")
    encoder = begin(instance, clip, name)
    objects, bucket = instance.home / "objects", server.folder / "recordings"
    until(lambda: segments(objects), "segments are in the folder")
    to_bucket(api, server)
    until(lambda: segments(bucket), "segments are in the bucket")
    api.call("PATCH", "/v1/settings/store", {"current": "folder"})
    before = len(segments(objects))
    until(lambda: len(segments(objects)) > before, "segments are in the folder again")
    encoder.kill()
    encoder.communicate()
    found = recording(api, name)
    assert segments(bucket)
    assert_readable(api, found, witness, name)
    refused = ""
    with suppress(Exception):
        try:
            api.call("DELETE", "/v1/settings/store/others", {})
        except Exception as error:
            refused = str(error)
            raise
    assert "recordings are in it" in refused
    api.call("DELETE", f"/v1/recordings/{found['id']}")
    api.call("POST", f"/v1/recordings/{found['id']}/purge")
    assert segments(objects) == []
