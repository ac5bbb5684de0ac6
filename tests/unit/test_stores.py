"""Stores: tried out before they count, switched in mid-recording, and not removed under the recordings in them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from chalicelib.adapters.own_ports import OwnPorts
from chalicelib.domain import stores as rules
from chalicelib.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UpstreamError
from chalicelib.domain.model.recordings import Recording, RecordingPart
from chalicelib.domain.model.stores import ObjectStore, StoreSettings
from chalicelib.ports.objects import ProbeResult, PutLink
from chalicelib.ports.store import Save
from chalicelib.services.recordings.stores import Stores
from chalicelib.services.recordings.uploads import Uploads
from chalicelib.wire.names import StreamName
from chalicelib.wire.uploads import Upload, UploadLink, UploadsRequest, UploadsResponse
from edge.base.errors import CloudRejectedError, StoreError, StoreExpiredError
from edge.cloud.client import Cloud
from edge.record.stores.content import of_bytes
from edge.record.stores.presigned import PresignedStore
from tests.fakes import FakeClock, MemoryStore

REC = "1485a3a4-ea1b-41b9-a18e-afd0f600c9b1"
SESSION = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
KEY = f"recordings/{REC}/n-1/{SESSION}/00000000-2000.ts"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def bucket(name: str = "s3-1", **more: object) -> ObjectStore:
    given: dict[str, object] = {
        "id": name, "endpoint": "https://s3.example.com", "region": "us-east-1", "bucket": "recordings",
        "access_key": "AKIDEXAMPLE", "secret_key": "secret",
    }  # fmt: skip
    return ObjectStore.model_validate(given | more)


def recording(name: str = REC, *, done: bool = False, stores: list[str] | None = None) -> Recording:
    part = RecordingPart(node="n-1", started_at=NOW, done=done)
    return Recording(
        id=name, stream=StreamName(app="live", stream="x"), state="recording", started_at=NOW, updated_at=NOW,
        parts={SESSION: part}, stores=stores or [],
    )  # fmt: skip


class World:
    def __init__(self) -> None:
        self.table, self.clock = MemoryStore(), FakeClock()
        self.result = ProbeResult()
        self.probed: list[ObjectStore] = []
        self.nudges = 0
        self.stores = Stores(self.table, self.probe, OwnPorts({7001}).refuse, self.nudge, self.clock)

    def probe(self, store: ObjectStore) -> ProbeResult:
        self.probed.append(store)
        return self.result

    def nudge(self) -> None:
        self.nudges += 1

    def put(self, store: ObjectStore, *, force: bool = False) -> StoreSettings:
        return self.stores.put(store, current=True, force=force, version=None)

    def held(self, name: str = REC) -> list[str]:
        found = self.table.get(Recording, name)
        assert found is not None
        return rules.held_by(found)


@pytest.fixture
def world() -> World:
    return World()


def test_a_store_that_fails_its_trial_is_not_taken(world: World) -> None:
    world.result = ProbeResult("range", "the store does not answer ranges")
    with pytest.raises(UpstreamError, match="failed to give a part of it back: the store does not answer ranges"):
        world.put(bucket())
    assert world.stores.get() == StoreSettings()


def test_what_is_being_recorded_goes_on_in_the_new_store_and_what_is_over_stays(world: World) -> None:
    over = REC.replace("1485", "2485")
    world.table.commit(Save(recording()), Save(recording(over, done=True)))
    world.put(bucket())
    assert (world.held(), world.held(over)) == (["folder", "s3-1"], ["folder"])
    assert world.nudges == 1
    world.stores.switch("folder")
    assert world.held() == ["s3-1", "folder"], "what is written now goes to the last"
    assert world.stores.held() == {"folder": 2, "s3-1": 1}


def test_for_an_hour_after_a_switch_the_store_before_may_take_something(world: World) -> None:
    assert rules.taking(world.stores.get(), world.clock()) == []
    world.put(bucket())
    assert rules.taking(world.stores.get(), world.clock()) == ["folder", "s3-1"]
    world.clock.pass_(hours=2)
    assert rules.taking(world.stores.get(), world.clock()) == ["s3-1"]


def test_a_store_with_recordings_is_removed_by_force_alone(world: World) -> None:
    world.put(bucket())
    world.table.commit(Save(recording(stores=["s3-1"], done=True)))
    with pytest.raises(ConflictError, match="switch to another store first"):
        world.stores.remove("s3-1", force=True)
    world.stores.switch("folder")
    with pytest.raises(ConflictError, match=r"^1 recordings are in it"):
        world.stores.remove("s3-1", force=False)
    world.stores.remove("s3-1", force=True)
    assert world.stores.get().stores == []
    with pytest.raises(NotFoundError):
        world.stores.remove("s3-1", force=True)
    with pytest.raises(NotFoundError):
        world.stores.switch("s3-1")


def test_keys_may_change_and_the_place_may_not_while_recordings_are_there(world: World) -> None:
    world.put(bucket())
    world.table.commit(Save(recording(stores=["s3-1"], done=True)))
    world.put(bucket(secret_key="rotated"))
    with pytest.raises(ConflictError, match="lie where this store led to"):
        world.put(bucket(bucket="another"))
    world.put(bucket(bucket="another"), force=True)
    assert world.stores.get().stores[0].bucket == "another"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "ftp://s3.example.com"), ("endpoint", "https://s3.example.com/bucket"),
        ("endpoint", "https://user:pass@s3.example.com"), ("endpoint", "https://"), ("endpoint", "https://h:99999"),
        ("endpoint", "http://127.0.0.1:7001"),
        ("endpoint", "http://169.254.169.254"), ("endpoint", "http://0.0.0.0:9000"),
        ("endpoint", "http://localhost:7001"), ("bucket", "a/b"),
        ("bucket", ""), ("region", "us east"), ("prefix", "a//b"), ("prefix", "../x"), ("id", "folder"),
        ("id", "A b"), ("access_key", ""), ("secret_key", ""),
    ],
)  # fmt: skip
def test_what_can_be_no_store_is_not_even_tried(world: World, field: str, value: str) -> None:
    with pytest.raises(InvalidInputError):
        world.put(bucket(**{field: value}))
    assert world.probed == []


def test_where_there_is_one_store_for_ever_nothing_can_be_changed(world: World) -> None:
    fixed = Stores(world.table, None, lambda _: None, world.nudge, world.clock)
    with pytest.raises(ConflictError, match="the bucket that was deployed with it"):
        fixed.get()


# uploads


class Links:
    def put_link(self, key: str, size: int, sha256: str, content_type: str, expires_s: int) -> PutLink:
        return PutLink(f"https://s3/{key}?for={size}&s={expires_s}", {"Content-Type": content_type})


def upload(key: str = KEY) -> Upload:
    return Upload(key=key, bytes=10, sha256="ab" * 32, content_type="video/mp2t")


def test_a_node_gets_links_for_its_own_objects_alone(world: World) -> None:
    uploads = Uploads(world.table, world.stores, Links(), world.clock)
    answer = uploads.links("n-1", UploadsRequest(objects=[upload()]))
    assert [link.url for link in answer.links] == [f"https://s3/{KEY}?for=10&s=900"]
    for foreign in (
        KEY.replace("n-1", "n-2"), f"recordings/{REC}/index.mp4", f"recordings/{REC}/manifest.json", "x",
        f"recordings/{REC}/n-1/../n-2/{SESSION}/00000000-2000.ts", KEY + "/", f"/{KEY}", KEY.replace(".ts", ".m3u8"),
    ):  # fmt: skip
        with pytest.raises(ForbiddenError):
            uploads.links("n-1", UploadsRequest(objects=[upload(), upload(foreign)]))


def test_a_late_upload_tells_the_recording_where_it_goes(world: World) -> None:
    world.table.commit(Save(recording(done=True)))
    world.put(bucket())
    assert world.held() == ["folder"]
    Uploads(world.table, world.stores, Links(), world.clock).links("n-1", UploadsRequest(objects=[upload()]))
    assert world.held() == ["folder", "s3-1"]


def test_a_node_without_a_part_in_it_changes_nothing_of_a_recording(world: World) -> None:
    world.table.commit(Save(recording(done=True)))
    world.put(bucket())
    foreign = upload(KEY.replace("n-1", "n-2"))
    Uploads(world.table, world.stores, Links(), world.clock).links("n-2", UploadsRequest(objects=[foreign]))
    assert world.held() == ["folder"]


# the agent's side


class CloudOfLinks(Cloud):
    def __init__(self, refuse: int = 0) -> None:
        self.refuse = refuse
        self.asked: list[UploadsRequest] = []

    async def uploads(self, request: UploadsRequest, timeout_s: float) -> UploadsResponse:
        self.asked.append(request)
        if self.refuse:
            raise CloudRejectedError("uploads", self.refuse)
        made = [UploadLink(key=u.key, url=f"https://s3/{len(self.asked)}", headers={}) for u in request.objects]
        return UploadsResponse(links=made, expires_at=NOW)


async def put(cloud: CloudOfLinks, answers: list[int]) -> list[str]:
    seen: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(str(request.url))
        return httpx.Response(answers.pop(0), content=b"<Error><Code>AccessDenied</Code></Error>")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await PresignedStore(cloud, http).put(KEY, of_bytes(b"segment", "video/mp2t"))
    return seen


def run(cloud: CloudOfLinks, answers: list[int]) -> list[str]:
    import asyncio

    return asyncio.run(put(cloud, answers))


def test_an_expired_link_is_asked_for_again() -> None:
    assert run(CloudOfLinks(), [403, 200]) == ["https://s3/1", "https://s3/2"]


@pytest.mark.parametrize("answers", [[403, 403], [503], [500], [400]])
def test_what_the_store_does_not_take_waits(answers: list[int]) -> None:
    with pytest.raises(StoreError) as raised:
        run(CloudOfLinks(), answers)
    assert raised.value.retryable
    assert not isinstance(raised.value, StoreExpiredError)


def test_another_store_needs_other_credentials() -> None:
    with pytest.raises(StoreExpiredError):
        run(CloudOfLinks(refuse=409), [])
    with pytest.raises(StoreError) as raised:
        run(CloudOfLinks(refuse=403), [])
    assert not raised.value.retryable


def test_boto3_is_not_needed_where_there_is_no_bucket(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, os\n"
        "from chalicelib.wiring.services import wiring\n"
        "wiring.stores.get(); wiring.uploads; wiring.objects; wiring.adapters.issuer.issue('n', None)\n"
        "wiring.adapters.stores.places('recordings/a/index.mp4')\n"
        "sys.exit('boto3' in sys.modules)"
    )
    env = {"SLUICE_HOME": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
