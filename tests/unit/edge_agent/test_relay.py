"""What the front fetches for the console, and what it never would."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from edge.web.front.caddyfile import render
from edge.web.front.relay import Relay
from edge.web.local.app import new_app
from tests.unit.edge_agent.test_edge_front import settings

URL = "https://bucket.s3.eu-west-1.amazonaws.com/recordings/x/index.mp4?X-Amz-Signature=abc"


def asked(
    url: str, method: str = "GET", status: int = 206, **headers: str
) -> tuple[httpx.Response, list[httpx.Request]]:
    """The relay's answer to the front, and what it asked the bucket."""
    seen: list[httpx.Request] = []

    def bucket(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        told = {"Content-Range": "bytes 0-3/9", "Content-Type": "video/mp4", "X-Amz-Id-2": "inner", "Set-Cookie": "a=b"}
        return httpx.Response(status, headers=told, stream=httpx.ByteStream(b"film"))

    async def run() -> httpx.Response:
        relay = Relay(lambda: httpx.AsyncClient(transport=httpx.MockTransport(bucket)))
        transport = httpx.ASGITransport(new_app(relay.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://agent") as http:
            return await http.request(method, "/front/relay", headers={"X-Sluice-Location": url} | headers)

    return asyncio.run(run()), seen


def test_an_object_comes_with_its_range_and_nothing_of_the_bucket() -> None:
    answer, seen = asked(URL, Range="bytes=0-3", Authorization="Bearer x", Cookie="c=d")
    assert (answer.status_code, answer.content) == (206, b"film")
    assert answer.headers["content-range"] == "bytes 0-3/9"
    assert not {"x-amz-id-2", "set-cookie"} & set(answer.headers)
    (request,) = seen
    assert (str(request.url), request.headers["range"]) == (URL, "bytes=0-3")
    assert not {"authorization", "cookie"} & set(request.headers)


@pytest.mark.parametrize(
    "url",
    [
        "", "http://bucket.s3.amazonaws.com/x", "https://169.254.169.254/latest", "https://evil.example/x?amazonaws.com/",
        "https://amazonaws.com.evil.example/x", "https://user@evil.example/.amazonaws.com/x", "file:///etc/passwd",
        "https://x.amazonaws.com@evil.example/", "https://x.amazonaws.com:22/x",
    ],
)  # fmt: skip
def test_nothing_but_the_bucket_is_asked(url: str) -> None:
    answer, seen = asked(url)
    assert (answer.status_code, seen) == (404, [])


def test_a_redirect_of_the_bucket_is_not_followed() -> None:
    answer, seen = asked(URL, status=307)
    assert (answer.status_code, len(seen)) == (307, 1)
    assert "location" not in answer.headers


def test_the_front_brings_what_the_cloud_marks(tmp_path: Path) -> None:
    text = render(settings(tmp_path))
    assert "@relayed header X-Sluice-Relay 1" in text
    assert "header_up X-Sluice-Location {vars.location}" in text
