"""Who knows the id of a recording may read it only where the owner said so; links are signed, absolute, and expire."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.domain.model.recordings import Recording
from chalicelib.ports.store import Put
from chalicelib.services.recordings.shares import Shares
from chalicelib.wiring.installation import now
from chalicelib.wiring.services import wiring
from tests.app.conftest import Answer, Api
from tests.fakes import BOOTSTRAP, FakeClock
from tests.unit.cloud_rig import Cloud

ROOT = "/terraform/v1/hooks/record/hls"
OTHER = "00000000-0000-4000-8000-000000000000"
SIGNED_IN = f"Bearer {BOOTSTRAP.api_secret}"


@pytest.fixture
def paths(recorded: str) -> list[str]:
    """Everything that gives a part of the recording by its id."""
    found = wiring.store.get(Recording, recorded)
    assert found is not None
    wiring.store.commit(Put(found.model_copy(update={"state": "ready"})))
    (segment, *_) = wiring.library.compatible_playlist(recorded).split("\n")[7:8]
    assert segment.startswith(f"{ROOT}/record/{recorded}/")
    return [f"{ROOT}/{recorded}.m3u8", f"{ROOT}/{recorded}/index.m3u8", f"{ROOT}/{recorded}/index.mp4", segment]


def get(api: Api, path: str, query: str = "", **headers: Any) -> Answer:
    return api("GET", path + query, token=None, **headers)


def test_without_credentials_nothing_is_given(api: Api, paths: list[str]) -> None:
    for path in paths:
        answer = get(api, path)
        assert (answer.status, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8")
        assert "location" not in answer.headers
    assert get(api, f"{ROOT}/{OTHER}.m3u8").status == 401, "nor whether there is such a recording"


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", f"Bearer {BOOTSTRAP.publish_secret}", "Basic eDp5"])
def test_bad_credentials_give_nothing(api: Api, paths: list[str], header: str) -> None:
    for path in paths:
        assert get(api, path, Authorization=header).status == 401
        assert get(api, path, "?token=" + header.replace(" ", "")).status == 401


def test_with_credentials_it_is_read(api: Api, paths: list[str], recorded: str) -> None:
    token = wiring.login.login(BOOTSTRAP.admin_password, "a").token
    reader = api("POST", "/v1/tokens", {"name": "r", "scope": "read:recordings"}).json["token"]
    stranger = api("POST", "/v1/tokens", {"name": "s", "scope": "admin:rooms"}).json["token"]
    other = api("POST", "/v1/tokens", {"name": "o", "scope": f"read:recordings/{OTHER}"}).json["token"]
    mine = api("POST", "/v1/tokens", {"name": "m", "scope": "read:recordings/live/*"}).json["token"]
    for path in paths:
        assert get(api, path, Authorization=SIGNED_IN).status in (200, 302)
        assert get(api, path, Authorization=f"Bearer {reader}").status in (200, 302)
        assert get(api, path, Authorization=f"Bearer {mine}").status in (200, 302)
        assert get(api, path, f"?token={token}").status in (200, 302)
        assert get(api, path, Authorization=f"Bearer {stranger}").status == 401
        assert get(api, path, Authorization=f"Bearer {other}").status == 401
        assert get(api, path, f"?token={token}", Authorization="Bearer wrong").status == 401, "a header decides alone"


def test_a_playlist_carries_tokens_for_its_segments_alone(api: Api, paths: list[str]) -> None:
    lines = get(api, paths[0], Authorization=SIGNED_IN).body.decode().split("\n")
    segments = [urlsplit(line) for line in lines if line.startswith("/")]
    assert len(segments) == 2
    assert get(api, segments[0].path, f"?{segments[0].query}").status == 302
    assert get(api, f"{ROOT}/{OTHER}.m3u8", f"?{segments[0].query}").status == 401
    assert "token=" not in "".join(open_lines(api, paths[0]))


def open_lines(api: Api, path: str) -> list[str]:
    api("PATCH", "/v1/settings/record", {"open_recordings": True})
    return get(api, path).body.decode().split("\n")


def test_the_owner_may_open_it(api: Api, paths: list[str]) -> None:
    api("PATCH", "/v1/settings/record", {"open_recordings": True})
    for path in paths:
        assert get(api, path).status in (200, 302)
    api("PATCH", "/v1/settings/record", {"open_recordings": False})
    for path in paths:
        assert get(api, path).status == 401


def test_a_link_that_expired_opens_nothing_by_any_route(api: Api, paths: list[str], recorded: str) -> None:
    past = Shares(lambda: now() - timedelta(hours=2), wiring.vault.master)
    token, _ = past.token(recorded, 3600)
    assert get(api, f"/v1/shares/{token}/index.m3u8").status == 403
    for path in paths:
        assert get(api, path, f"?token={token}").status == 401


# what callbacks carry


def artifact_url(cloud: Cloud) -> str:
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.announcements.arrived(f"recordings/{recording}/{cloud.node}/{session}/manifest.json")
    cloud.run_stream()
    cloud.finish()
    cloud.deliver()
    cloud.clock.pass_(minutes=1)
    cloud.callbacks.sweep()
    cloud.deliver()
    (end,) = [body for _, body, _ in cloud.sender.sent if body["action"] == "on_record_end"]
    assert json.dumps(end)
    return str(end["artifact_url"])


def test_a_callback_carries_a_link_that_expires() -> None:
    cloud = Cloud()
    cloud.with_callbacks()
    url = artifact_url(cloud)
    assert url.startswith("http://base/v1/shares/")
    token = url.split("/")[-2]
    recording = cloud.library.shared(token).recording
    assert cloud.library.get(recording).state == "ready"
    clock = FakeClock(cloud.clock() + timedelta(days=7, minutes=1))
    later = Shares(clock, lambda: "key")
    with pytest.raises(Exception, match="expired"):
        later.opens(token)


def test_where_recordings_are_open_the_url_is_as_it_always_was() -> None:
    cloud = Cloud()
    cloud.with_callbacks()
    cloud.settings.set_record(open_recordings=True)
    assert artifact_url(cloud).startswith("http://base/terraform/v1/hooks/record/hls/")


def test_players_may_add_to_a_link_what_keeps_caches_away(api: Api, paths: list[str], recorded: str) -> None:
    share = api("POST", f"/v1/recordings/{recorded}/shares").json["links"]["hls"]
    assert paths
    assert get(api, share, "?_=123").status == 200
