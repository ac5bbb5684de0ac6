"""The one origin on AWS, asked as a viewer asks: console, API and recordings under one address, without any edge."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from chalicelib.domain import links

from .cloud import BUCKET, STAGE, Cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

RECORDING = "0191e0b6-7a0e-7c1e-8f3a-0123456789ab"
SEGMENT = "0191e0b6-7a0e-7c1e-8f3a-0123456789ac/01JD0000000000000000000001/00000000-2000.ts"


def _ask(cloud: Cloud, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    return httpx.request(method, cloud.url + path, timeout=30, trust_env=False, **more)


def _key(cloud: Cloud) -> bytes:
    client = cloud.deployment().client("secretsmanager")
    return links.key_of(
        json.loads(client.get_secret_value(SecretId=f"sluice/{STAGE}/master")["SecretString"])["master"]
    )


@pytest.fixture(scope="module")
def token(cloud: Cloud) -> str:
    """Opens a recording of which two objects are in the bucket."""
    s3 = cloud.deployment().client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"recordings/{RECORDING}/index.mp4", Body=b"the film", ContentType="video/mp4")
    s3.put_object(Bucket=BUCKET, Key=f"recordings/{RECORDING}/{SEGMENT}", Body=b"a segment", ContentType="video/mp2t")
    return links.make_token(_key(cloud), RECORDING, time.time() + 60)


@pytest.mark.parametrize(("name", "content"), [("index.mp4", b"the film"), (SEGMENT, b"a segment")])
def test_a_link_opens_its_recording_and_nothing_stands_between(
    cloud: Cloud, token: str, name: str, content: bytes
) -> None:
    found = _ask(cloud, f"/recordings/{token}/{RECORDING}/{name}")
    assert (found.status_code, found.content) == (200, content)
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["cache-control"] == "private, max-age=3600"
    part = _ask(cloud, f"/recordings/{token}/{RECORDING}/{name}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, content[2:5])


def test_a_link_that_is_not_ours_opens_nothing(cloud: Cloud, token: str) -> None:
    other = RECORDING.replace("0", "1")
    late = links.make_token(_key(cloud), RECORDING, time.time() - 1)
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    longer = f"{int(time.time()) + 9999:08x}{token[8:]}"
    for path in (f"{late}/{RECORDING}", f"{wrong}/{RECORDING}", f"{longer}/{RECORDING}", f"{token}/{other}"):
        found = _ask(cloud, f"/recordings/{path}/index.mp4")
        assert (found.status_code, found.json()["code"]) == (403, "link_invalid"), path


@pytest.mark.parametrize(
    "path",
    ["", "index.m3u8", "../../site/console/app/index.html", "%2e%2e/x", "keys.json", "index.mp4/x", f"x/{SEGMENT}"],
)
def test_no_other_object_has_an_address(cloud: Cloud, token: str, path: str) -> None:
    assert _ask(cloud, f"/recordings/{token}/{RECORDING}/{path}").status_code in (403, 404)


def test_an_object_that_is_not_there_is_not_given_out(cloud: Cloud, token: str) -> None:
    """404 on AWS, as the distribution may list the bucket; the emulator says 403 all the same."""
    assert _ask(cloud, f"/recordings/{token}/{RECORDING}/thumbnail.jpg").status_code in (403, 404)


@pytest.mark.parametrize("path", ["/recordings/", "/recordings", "/site/", "/?list-type=2", "/recordings/?list-type=2"])
def test_the_bucket_is_not_listed(cloud: Cloud, path: str) -> None:
    assert b"ListBucketResult" not in _ask(cloud, path).content


def test_what_is_downloaded_has_its_name(cloud: Cloud, token: str) -> None:
    path = f"/recordings/{token}/{RECORDING}/index.mp4"
    plain = _ask(cloud, path, params={"download": "my film.mp4"})
    assert plain.headers["content-disposition"] == 'attachment; filename="my film.mp4"'
    other = _ask(cloud, path, params={"download": "片.mp4"})
    assert other.headers["content-disposition"] == "attachment; filename=\"_.mp4\"; filename*=UTF-8''%E7%89%87.mp4"
    hostile = _ask(cloud, path, params={"download": 'a"; x="b'})
    assert hostile.headers["content-disposition"] == 'attachment; filename="a-; x=-b"'


def test_the_console_is_there_with_its_policy(cloud: Cloud) -> None:
    page = _ask(cloud, "/console/recordings/some")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "{{" not in page.text
    script = page.text.partition('src="')[2].partition('"')[0]
    part = _ask(cloud, script)
    assert (part.status_code, part.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert "immutable" in part.headers["cache-control"]
    assert _ask(cloud, "/").headers["location"] == "/console/live"
    assert _ask(cloud, "/nothing").status_code == 404


def test_players_are_there_under_both_names(cloud: Cloud) -> None:
    assert _ask(cloud, "/players/rtc_player.html").text == _ask(cloud, "/players/whep.html").text


def test_whoever_comes_without_tls_is_led_to_it(cloud: Cloud) -> None:
    plain = {"x-forwarded-proto": "http"}
    assert _ask(cloud, "/console/live", headers=plain).status_code == 301
    assert _ask(cloud, "/v1/health", headers=plain).status_code == 403


def test_the_api_knows_the_client_by_proof_alone(cloud: Cloud) -> None:
    """What a client claims of its address is kept in no audit. (The emulator's gateway takes a client at its word,
    unlike AWS's, so that only the one origin can be asked here.)
    """
    bearer = {"Authorization": f"Bearer {cloud.first['api_secret']}"}
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Sluice-Viewer": f"203.0.113.9~ffffffff~{'0' * 40}"}
    sent = _ask(cloud, "/v1/settings/record", "PATCH", json={"merge_window_s": 12}, headers=bearer | claimed)
    assert sent.status_code == 200, sent.text
    seen = _ask(cloud, "/v1/audit", headers=bearer).json()["items"]
    assert seen
    assert seen[0]["address"]
    assert not [entry for entry in seen if "203.0.113.9" in json.dumps(entry)]


def test_the_gateway_itself_gives_out_no_files(cloud: Cloud, token: str) -> None:
    found = httpx.get(f"{cloud.gateway}/recordings/{token}/{RECORDING}/index.mp4", timeout=30, trust_env=False)
    assert found.status_code == 404
