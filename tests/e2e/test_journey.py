"""The whole way of a streamer through the console, as one: from the link that signs in to signing out, with a secret
that is wrong, a target that dies, a gap, a receiver that fails, a large file over a connection that breaks.

Two of the four ways (language, width) are gone by default, and one waits until a link has expired; SLUICE_JOURNEYS=all
goes all four, to their end. With SLUICE_JOURNEY_REPORT the seconds that its user waited are written there, a line of
JSON a way.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from infra.local.tools import find_ffmpeg
from tests.e2e.journey import LARGE, Journey

from .journey_words import WORDS
from .rtmp_sink import rtmp_sink
from .system import System, new_name
from .test_console import visitor
from .test_operate_page import Receiver

pytestmark = [pytest.mark.media, pytest.mark.browser]
WAYS: Final = [("en", 1440), ("zh", 390), ("en", 390), ("zh", 1440)]
ALL: Final = os.environ.get("SLUICE_JOURNEYS") == "all"
GONE: Final = WAYS if ALL else WAYS[:2]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """A film of 300 MB, the end of which is a box that players leave out."""
    path = tmp_path_factory.mktemp("large") / "night loop 夜.mp4"
    # Ten minutes: what plays faster than the limit of the settings is no source.
    looped = [find_ffmpeg().path, "-v", "error", "-stream_loop", "-1", "-t", "600", "-i", str(clip), "-c", "copy"]
    subprocess.run([*looped, "-movflags", "+faststart", str(path)], check=True)
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", LARGE - file.tell(), b"free"))
        file.truncate(LARGE)
    return path


def _walk(journey: Journey, stranger: Page, large: Path, network: CDPSession, receiver: Receiver) -> None:
    journey.signs_in()
    encoder = journey.goes_live()
    journey.restreams()
    journey.loses_a_segment()
    journey.stops(encoder)
    journey.keeps()
    journey.sees_it_privately(stranger)
    journey.tries_callbacks(receiver)
    late = journey.rotates()
    journey.sends_again(receiver, late)
    journey.makes_a_room()
    journey.plays_a_film(large, network)
    journey.looks_at_the_edge()
    if ALL or not journey.narrow:
        journey.finds_it_expired(stranger)
    journey.leaves()


@pytest.fixture
def receiver(system: System) -> Iterator[Receiver]:
    failing = Receiver()
    yield failing
    failing.close()
    system.prepare()


@pytest.mark.parametrize(("language", "width"), GONE)
def test_the_whole_way(
    system: System, browser: Browser, receiver: Receiver, large: Path, language: str, width: int
) -> None:
    asked, complaints = list[str](), list[str]()
    name = new_name("way")
    with rtmp_sink() as sink, visitor(browser, language, width) as context, visitor(browser, language, width) as other:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", _errors_into(complaints))
        page.on("request", lambda request: asked.append(request.url))
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        journey = Journey(system, page, WORDS[language], name, width < 760, sink)
        began = time.monotonic()
        try:
            _walk(journey, other.new_page(), large, network, receiver)
        finally:
            _report(language, width, journey.took | {"whole": round(time.monotonic() - began, 1)})
    assert complaints == []
    ours = (f"{system.instance.at['url']}/", "blob:", "data:")
    assert [url for url in asked if not url.startswith(ours)] == []


def _errors_into(complaints: list[str]) -> Callable[[Any], None]:
    """What the console of the browser is told as an error. That a call got no answer, or no as an answer, is told there
    by the browser itself.
    """

    def hear(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    return hear


def _report(language: str, width: int, took: dict[str, float]) -> None:
    if path := os.environ.get("SLUICE_JOURNEY_REPORT"):
        kind = "srs" if os.environ.get("SRS_BIN") else "stand-in"
        with Path(path).open("a") as file:
            file.write(json.dumps({"language": language, "width": width, "media server": kind} | took) + "\n")
