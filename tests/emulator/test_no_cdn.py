"""Where there is no CloudFront: deployed with `Cdn=off`, a stream is published, recorded and played by link, by the
gateway's own address and the bucket's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from infra.aws import stacks
from infra.aws.deploy import diff
from infra.cli.client import Api
from infra.local.demo import media
from infra.local.demo.receiver import receiver
from infra.local.demo.run import CLIP_S, Demo
from infra.local.start import Instance
from infra.local.tools import find_ffmpeg, find_ffprobe
from tests.conftest import free_port

from .cloud import Cloud, emulated
from .edge import an_edge

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.media,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("SLUICE_EMULATOR_LONG"), reason="takes two minutes: make emulator"),
]


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An installation without CloudFront."""
    home = tmp_path_factory.mktemp("direct")
    made = Cloud(home, free_port(), find_ffmpeg().path, find_ffprobe().path, cdn="off")
    with emulated(made):
        yield made


@pytest.fixture(scope="module")
def api(direct: Cloud) -> Api:
    return Api(direct.url, direct.first["api_secret"])


@pytest.fixture(scope="module")
def recording(direct: Cloud, api: Api, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One that the demonstration made, which plays its playlist and its MP4 and compares each segment's bytes."""
    home = tmp_path_factory.mktemp("d")
    clip = home / "clip.flv"
    media.make_clip(clip, CLIP_S)
    ports = {name: free_port() for name in ("hooks", "status", "local", "api", "http", "rtmp")}
    with an_edge(direct, home, ports) as rtmp, receiver() as callbacks:
        at = {"url": direct.url, "rtmp": f"{rtmp}/live", "api_secret": direct.first["api_secret"]}
        demo = Demo(Instance(Path(home), at, os.getpid()), api, callbacks, clip, lambda _: None)
        assert demo.run(), [row for row in demo.rows if not row.ok]
    return str(api.call("GET", "/v1/recordings")["items"][0]["id"])


def ask(url: str) -> httpx.Response:
    return httpx.get(url, timeout=30, trust_env=False)


def shared(api: Api, recording: str) -> dict[str, Any]:
    return dict(api.call("POST", f"/v1/recordings/{recording}/shares", {}))


def test_nothing_of_cloudfront_is_there(direct: Cloud) -> None:
    deployment = direct.deployment()
    made = stacks.outputs(deployment, deployment.stack) or {}
    assert not {"DistributionName", "KeysArn"} & made.keys()
    assert ".execute-api." in made["SiteUrl"]
    listed = deployment.client("cloudfront").list_distributions()["DistributionList"]
    assert not listed.get("Items")
    kinds = deployment.client("cloudformation").describe_stack_resources(StackName=deployment.stack)["StackResources"]
    assert not [r["LogicalResourceId"] for r in kinds if "CloudFront" in r["ResourceType"]]
    assert diff(deployment) == []


def test_a_recording_is_played_by_link(direct: Cloud, api: Api, recording: str) -> None:
    links = shared(api, recording)["links"]
    sent = ask(direct.url + links["mp4"])
    assert sent.is_redirect
    at = urlsplit(sent.headers["location"])
    assert (at.scheme, at.netloc) == ("http", f"127.0.0.1:{direct.port}"), "the bucket itself"
    assert "X-Amz-Signature=" in at.query
    assert ask(sent.headers["location"]).content[4:8] == b"ftyp"
    playlist = ask(direct.url + links["hls"])
    names = [line for line in playlist.text.splitlines() if line and not line.startswith("#")]
    assert names
    assert not [name for name in names if "://" in name or name.startswith("/")], "none names the bucket"


def test_a_link_that_is_not_ours_or_not_any_more_opens_nothing(direct: Cloud, api: Api, recording: str) -> None:
    share = shared(api, recording)
    path = share["links"]["mp4"]
    assert ask(direct.url + path).is_redirect
    token = path.split("/")[3]
    changed = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    assert ask(direct.url + path.replace(token, changed)).status_code == 403
    location = ask(direct.url + path).headers["location"]
    other = location.replace("index.mp4", "manifest.json")
    assert ask(other).status_code == 403, "what is signed is one object"
    assert ask(location.partition("?")[0]).status_code == 403, "the bucket is closed"
    api.call("DELETE", f"/v1/recordings/{recording}/shares/{share['id']}")
    assert ask(direct.url + path).status_code == 403
