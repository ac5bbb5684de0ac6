"""One suite for every `Objects`: in memory (what unit tests use), a folder, S3 on moto, on the emulator and on an S3
server of others, and the router over two stores.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from moto import mock_aws

from chalicelib.adapters.aws.s3 import S3Objects
from chalicelib.adapters.aws.s3_client import open_store
from chalicelib.adapters.aws.s3_probe import probe
from chalicelib.adapters.local.folder import FolderObjects
from chalicelib.adapters.routed import RoutedObjects
from chalicelib.domain.errors import NotFoundError, UnavailableError
from chalicelib.ports.objects import Objects
from tests.conftest import free_port
from tests.fakes import MemoryObjects
from tests.s3_server import S3Server, s3_server

REC = "1485a3a4-ea1b-41b9-a18e-afd0f600c9b1"
BASE = f"recordings/{REC}/"


def sign(key: str, life_s: int, name: str | None) -> str:
    return f"/signed/{key}"


def s3(endpoint: str | None, prefix: str = "") -> S3Objects:
    client: Any = boto3.client(
        "s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )  # fmt: skip
    bucket = f"contract-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=bucket)
    return S3Objects(client, bucket, prefix)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3"), free_port()) as server:
        yield server


@pytest.fixture(
    params=[
        "memory",
        "folder",
        "routed",
        "moto",
        "prefix",
        "others",
        pytest.param("emulator", marks=pytest.mark.emulator),
    ]
)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    kind = request.param
    if kind == "memory":
        yield MemoryObjects()
    elif kind == "folder":
        yield FolderObjects(tmp_path / "objects", sign)
    elif kind == "routed":
        both: list[Objects] = [MemoryObjects(), FolderObjects(tmp_path / "objects", sign)]
        yield RoutedObjects(lambda _: both, sign)
    elif kind in ("moto", "prefix"):
        with mock_aws():
            yield s3(None, "some/where/" if kind == "prefix" else "")
    elif kind == "emulator":
        yield s3(request.getfixturevalue("emulator"))
    else:
        server: S3Server = request.getfixturevalue("others")
        name = f"b{secrets.token_hex(4)}"
        server.bucket(name)
        yield open_store(server.store(name, prefix="pre/fix"))


def keys(objects: Objects, prefix: str, after: str = "") -> list[str]:
    return [found.key for found in objects.list(prefix, after)]


def test_what_is_written_is_read(objects: Objects, tmp_path: Path) -> None:
    objects.write(f"{BASE}index.m3u8", b"#EXTM3U\n", "application/vnd.apple.mpegurl")
    assert objects.read(f"{BASE}index.m3u8") == b"#EXTM3U\n"
    objects.write(f"{BASE}index.m3u8", b"newer", "application/vnd.apple.mpegurl")
    assert objects.read(f"{BASE}index.m3u8") == b"newer"
    file = tmp_path / "movie"
    file.write_bytes(b"movie" * 100_000)
    objects.upload(f"{BASE}index.mp4", file, "video/mp4")
    target = tmp_path / "target"
    target.write_bytes(b"before")
    digest = objects.download(f"{BASE}index.mp4", target)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert target.read_bytes() == b"before" + file.read_bytes()


def test_an_empty_object_is_one(objects: Objects) -> None:
    objects.write(f"{BASE}empty.json", b"", "application/json")
    assert objects.read(f"{BASE}empty.json") == b""
    assert [(o.key, o.size) for o in objects.list(BASE)] == [(f"{BASE}empty.json", 0)]


def test_what_is_not_there_is_not_found(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        objects.read(f"{BASE}nothing")
    with pytest.raises(NotFoundError):
        objects.download(f"{BASE}nothing", tmp_path / "x")


def test_a_listing_is_in_the_order_of_keys_and_begins_after_one(objects: Objects) -> None:
    names = [f"{BASE}n-1/S/{n:08d}-2000.ts" for n in (2, 0, 1)] + [f"{BASE}n-1.json", f"{BASE}n-1/manifest.json"]
    for name in names:
        objects.write(name, name.encode(), "video/mp2t")
    assert keys(objects, BASE) == sorted(names)
    assert keys(objects, f"{BASE}n-1/S/", f"{BASE}n-1/S/00000000-2000.ts") == sorted(names[:3])[1:]
    assert keys(objects, "recordings/another/") == []
    assert {o.size for o in objects.list(BASE)} == {len(name) for name in names}


def test_a_long_listing_is_whole(objects: Objects) -> None:
    names = [f"{BASE}n/S/{n:08d}-1.ts" for n in range(1101)]
    for name in names:
        objects.write(name, b"x", "video/mp2t")
    assert keys(objects, BASE) == names
    assert objects.delete_prefix(BASE) == 1101
    assert keys(objects, BASE) == []


def test_deletion_takes_a_prefix_and_nothing_else(objects: Objects) -> None:
    other = BASE.replace("1485", "2485")
    for key in (f"{BASE}a.ts", f"{BASE}b/c.ts", f"{other}a.ts"):
        objects.write(key, b"x", "video/mp2t")
    assert objects.delete_prefix(BASE) == 2
    assert objects.delete_prefix(BASE) == 0
    assert keys(objects, "recordings/") == [f"{other}a.ts"] if not isinstance(objects, RoutedObjects) else True
    assert objects.read(f"{other}a.ts") == b"x"


# what others' servers are asked besides


def test_a_signed_upload_is_for_one_object_and_one_checksum(others: S3Server) -> None:
    others.bucket("signed")
    store = open_store(others.store("signed"))
    body, key = b"segment" * 1000, f"{BASE}n/S/00000000-2000.ts"
    link = store.put_link(key, len(body), hashlib.sha256(body).hexdigest(), "video/mp2t", 900)
    with httpx.Client(trust_env=False) as http:
        assert http.put(link.url, content=body, headers=link.headers).status_code == 200
        assert store.read(key) == body
        other = link.headers | {"x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
        assert http.put(link.url, content=b"", headers=other | {"Content-Length": "0"}).status_code == 403
        elsewhere = link.url.replace("00000000-2000", "00000001-2000")
        assert http.put(elsewhere, content=body, headers=link.headers).status_code == 403
        assert http.get(link.url).status_code == 403
        late = store.put_link(key, len(body), hashlib.sha256(body).hexdigest(), "video/mp2t", 1)
        time.sleep(2.1)
        assert http.put(late.url, content=body, headers=late.headers).status_code in (400, 403)


def test_a_store_that_is_away_is_told_in_words(others: S3Server, tmp_path: Path) -> None:
    others.bucket("away")
    store = open_store(others.store("away").model_copy(update={"endpoint": f"http://127.0.0.1:{free_port()}"}))
    with pytest.raises(UnavailableError, match="no connection"):
        store.read(f"{BASE}x")
    with pytest.raises(UnavailableError, match="no connection"):
        list(store.list(BASE))


def test_a_probe_says_at_which_step_it_failed(others: S3Server) -> None:
    others.bucket("probed")
    good = others.store("probed")
    assert probe(good).failed is None
    assert "does not verify" in probe(good).notes[0]
    assert [*(others.folder / "probed").rglob("*.*")] == []
    wrong = {
        ("secret_key", "wrong"): ("write", "the secret key is wrong"),
        ("access_key", "nobodyatall"): ("write", "does not know this access key"),
        ("bucket", "not-there"): ("write", "there is no such bucket"),
        ("endpoint", f"http://127.0.0.1:{free_port()}"): ("connect", "no connection"),
        ("endpoint", "http://no-such-host.invalid"): ("connect", "cannot be resolved"),
        ("endpoint", others.url.replace("http:", "https:")): ("connect", "TLS"),
    }
    for (name, value), (step, words) in wrong.items():
        result = probe(good.model_copy(update={name: value}))
        assert (result.failed, words in result.words) == (step, True), (name, value, result)


def test_an_older_store_of_a_recording_is_read_too(tmp_path: Path) -> None:
    old, new = MemoryObjects(), MemoryObjects()
    routed = RoutedObjects(lambda _: [old, new], sign)
    old.write(f"{BASE}a.ts", b"old a", "video/mp2t")
    old.write(f"{BASE}b.ts", b"old b", "video/mp2t")
    new.write(f"{BASE}b.ts", b"newer b", "video/mp2t")
    routed.write(f"{BASE}c.ts", b"c", "video/mp2t")
    assert [(o.key[-4], o.size) for o in routed.list(BASE)] == [("a", 5), ("b", 7), ("c", 1)]
    assert (routed.read(f"{BASE}a.ts"), routed.read(f"{BASE}b.ts")) == (b"old a", b"newer b")
    assert [*new.objects] == [f"{BASE}b.ts", f"{BASE}c.ts"]
    assert routed.delete_prefix(BASE) == 4
    assert not old.objects
    assert not new.objects
