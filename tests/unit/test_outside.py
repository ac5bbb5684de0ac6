"""What is told of where users reach the installation, when it is behind a proxy (A9)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.domain.errors import ForbiddenError
from chalicelib.routes import outside
from chalicelib.routes.v1 import protocol
from chalicelib.wiring.services import wiring
from edge.base.errors import ConfigError
from edge.config import load
from infra.errors import InfraError
from infra.local.settings import read_settings

AGENT = {"SLUICE_CLOUD_URL": "http://127.0.0.1:1/", "SLUICE_AGENT_DIR": "a", "SLUICE_HLS_DIR": "h"}
URL = "https://live.example.com/sluice"


@pytest.fixture
def said(request: pytest.FixtureRequest) -> Iterator[None]:
    """`SLUICE_PUBLIC_URL` as the parameter says."""
    kept = dict(wiring.__dict__)
    wiring.__dict__["config"] = SimpleNamespace(outside_url=request.param)
    yield
    wiring.__dict__.clear()
    wiring.__dict__.update(kept)


def asked(method: str = "POST", **headers: str) -> Any:
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return SimpleNamespace(headers={"x-sluice-console": "1", **named}, method=method, raw_body=b"")


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    ("said", "path", "location"),
    [
        ("", "/recordings/t/u/index.mp4", "/recordings/t/u/index.mp4"),
        (URL, "/recordings/t/u/index.mp4", "/sluice/recordings/t/u/index.mp4"),
        (URL, "https://bucket.example.com/x", "https://bucket.example.com/x"),
        ("https://live.example.com", "/x", "/x"),
    ],
    indirect=["said"],
)
def test_a9_redirects_stay_below_the_public_url(path: str, location: str) -> None:
    assert outside.location(path) == location


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("said", [URL], indirect=True)
@pytest.mark.parametrize("host", ["live.example.com", "127.0.0.1:2022"])
def test_a9_the_console_works_whether_the_proxy_keeps_the_host_or_not(host: str) -> None:
    call = asked(host=host, origin="https://live.example.com", x_forwarded_proto="http")
    protocol.check_console(call)
    assert protocol.is_https(call)


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    ("said", "origin"),
    [
        (URL, "http://live.example.com"),
        (URL, "https://evil.example.com"),
        (URL, "null"),
        (URL, "http://[::1"),
        ("", "https://live.example.com"),
        ("", "null"),
    ],
    indirect=["said"],
)
def test_a9_a_page_of_another_origin_stays_one(origin: str) -> None:
    with pytest.raises(ForbiddenError):
        protocol.check_console(asked(host="127.0.0.1:2022", origin=origin, x_forwarded_proto="http"))


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("said", [URL], indirect=True)
def test_who_calls_the_port_itself_is_not_taken_for_a_caller_by_tls() -> None:
    call = asked(host="127.0.0.1:2022", origin="http://127.0.0.1:2022", x_forwarded_proto="http")
    protocol.check_console(call)
    assert not protocol.is_https(call)


@pytest.mark.parametrize("url", ["https://h/a b", "https://h/{x}", "https://h/a//b", "https://h/?q", "ftp://h", "h/x"])
def test_a_public_url_that_is_none_is_said_at_the_start(url: str) -> None:
    with pytest.raises(InfraError, match="SLUICE_PUBLIC_URL"):
        read_settings({"SLUICE_PUBLIC_URL": url})


@pytest.mark.parametrize("host", ["h:1935", "rtmp://h", "h/x", "a b"])
def test_a_public_host_that_is_none_is_said_at_the_start(host: str) -> None:
    with pytest.raises(InfraError, match="SLUICE_PUBLIC_HOST"):
        read_settings({"SLUICE_PUBLIC_HOST": host})
    with pytest.raises(ConfigError, match="SLUICE_PUBLIC_HOST"):
        load({**AGENT, "SLUICE_PUBLIC_HOST": host})


@pytest.mark.parametrize(("host", "kept"), [("live.example.com", "live.example.com"), ("[2001:db8::1]", "2001:db8::1")])
def test_a_public_host_is_told_to_the_cloud(host: str, kept: str) -> None:
    assert read_settings({"SLUICE_PUBLIC_HOST": host}).public_host == kept
    assert load({**AGENT, "SLUICE_PUBLIC_HOST": host}).public_host == kept
    assert (read_settings({}).public_host, load(AGENT).public_host) == ("", "")


def test_a_public_url_is_told_apart_from_the_own_port() -> None:
    assert read_settings({"SLUICE_PUBLIC_URL": f"{URL}/"}).outside_url == URL
    assert (read_settings({}).outside_url, read_settings({}).public_url) == ("", "http://127.0.0.1:2022")
