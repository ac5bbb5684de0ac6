"""A streamer's whole way through the console, step by step."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import CDPSession, Locator, Page, expect

from infra.local.demo import media
from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, new_name
from .test_console import console, link, plays
from .test_console import field as labelled
from .test_operate_page import Receiver

LARGE: Final = 300_000_000

SHARED_S: Final = 60
"""The shortest that a link may live."""


@dataclass
class Journey:
    """One user on one way. `took` holds the seconds that were waited, by what for."""

    system: System
    page: Page
    words: dict[str, str]
    name: str
    narrow: bool
    sink: RtmpSink
    took: dict[str, float] = field(default_factory=dict)
    shared: tuple[str, float] = ("", 0)

    def open(self, page: str) -> None:
        self.page.goto(console(self.system, page))
        self.page.locator("main h1").wait_for()

    def button(self, word: str, within: Page | Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=self.words[word], exact=True).first

    def sees(self, word: str, within: Page | Locator | None = None, seconds: float = 20) -> None:
        (within or self.page).get_by_text(self.words[word]).first.wait_for(timeout=seconds * 1000)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.took[what] = round(time.monotonic() - began, 2)

    # what is on air

    def signs_in(self) -> None:
        self.page.goto(link(self.system))
        labelled(self.page, self.words["new password"]).fill(self.system.instance.at["admin_password"])
        self.button("sign in").click()
        self.page.wait_for_url(console(self.system, "live"))
        self.sees("none live")

    def goes_live(self) -> subprocess.Popen[bytes]:
        """Refused first, and told why; then green, and the picture moves."""
        self.open(f"golive/live/{self.name}")
        self.sees("waiting")
        expect(self.page.get_by_text(self.system.instance.at["rtmp"], exact=True)).to_be_visible()
        assert self.system.refused(f"live/{self.name}?secret=wrong")
        with self.timed("refusal shown"):
            self.sees("refused")
            self.sees("why")
        encoder = self.system.publish(self.name)
        with self.timed("green"):
            self.page.get_by_text(self.words["on air"].format(f"live/{self.name}")).wait_for()
        with self.timed("picture moves"):
            self.page.get_by_role("link", name=self.words["watch"]).click()
            plays(self.page)
        self.page.keyboard.press("Escape")
        self.page.wait_for_url(console(self.system, "live"))
        return encoder

    def restreams(self) -> None:
        """To a target of this machine, which then dies."""
        self.open("restream")
        self.button("add destination").click()
        values = {"name": "Copy", "server": self.sink.url("").rstrip("/"), "key": "key-0123456789"}
        for word, value in (values | {"streams": f"/live/{self.name}"}).items():
            labelled(self.page, self.words[word]).fill(value)
        self.button("add destination", self.page.get_by_role("dialog")).click()
        card = self.page.locator("article", has_text="Copy")
        with self.timed("push runs"):
            expect(card.locator(".state.green")).to_be_visible(timeout=20_000)
        self.sink.close()
        with self.timed("push retries"):
            expect(card.locator(".state.amber")).to_be_visible(timeout=40_000)
        with self.timed("push says why"):
            self.sees("refuses", card, 40)
            expect(card.get_by_text(re.compile(self.words["next try"]))).to_be_visible(timeout=40_000)
        assert "key-0123456789" not in self.page.content()

    def loses_a_segment(self) -> None:
        until(lambda: len(self._segments()) > 4, "some segments are kept", 40)
        sorted(self._segments())[2].unlink()

    def _segments(self) -> list[Path]:
        kept = self.system.home / "objects"
        return [path for r in self.system.recordings(self.name) for path in kept.rglob(f"*{r['id']}*/**/*.ts")]

    def stops(self, encoder: subprocess.Popen[bytes]) -> None:
        card = self.page.locator("article", has_text="Copy")
        self.button("stop", card).click()
        card.get_by_text(self.words["off"], exact=True).wait_for()
        self.button("remove", card).click()
        self.button("undo").click()
        self.page.get_by_text("Copy", exact=True).wait_for()
        self.system.end(encoder)

    # what is kept

    def keeps(self) -> None:
        """The recording: watched, its gap marked, downloaded whole, given away for a while."""
        self.open("recordings")
        row = self.page.get_by_role("row", name=f"live/{self.name}")
        with self.timed("recording ready"):
            row.get_by_text(self.words["ready"]).wait_for(timeout=60_000)
        row.get_by_role("link").click()
        panel = self.page.get_by_role("dialog")
        plays(self.page)
        (mark,) = panel.get_by_role("group", name=self.words["gaps"]).get_by_role("button").all()
        assert self.words["lost"] in (mark.get_attribute("aria-label") or "")
        recording = self.system.recorded(self.name)
        (gap,) = self.system.api.call("GET", f"/v1/recordings/{recording['id']}/gaps")["items"]
        mark.click()
        at = "() => document.querySelector('video').currentTime"
        until(lambda: abs(self.page.evaluate(at) - gap["at_ms"] / 1000) < 3, "the mark leads there")
        whole = panel.get_by_role("link", name=self.words["download"])
        with self.page.expect_download() as saved:
            whole.click()
        assert abs(media.duration(str(saved.value.path())) * 1000 - recording["mp4_duration_ms"]) < 100
        self.shares(panel)

    def shares(self, panel: Locator) -> None:
        """For a minute, which is shorter than the page offers; the rest is as by hand."""

        def shorter(route: Any) -> None:
            body = route.request.post_data_json
            route.continue_(post_data=json.dumps(body | {"expires_s": SHARED_S})) if body else route.continue_()

        self.page.route("**/shares", shorter)
        labelled(panel, self.words["for whom"]).fill("Ann")
        self.button("share", panel).click()
        film = panel.locator("code", has_text="index.mp4").inner_text()
        assert httpx.get(panel.locator("code", has_text="index.m3u8").inner_text(), trust_env=False).is_success
        self.page.unroute("**/shares")
        self.shared = (film, time.time() + SHARED_S)

    def sees_it_privately(self, stranger: Page) -> None:
        stranger.goto(self.shared[0])
        plays(stranger)

    def finds_it_expired(self, stranger: Page) -> None:
        time.sleep(max(0, self.shared[1] + 1 - time.time()))
        answer = stranger.goto(self.shared[0])
        assert answer is not None
        assert answer.status == 403

    # who may publish, and who is told

    def tries_callbacks(self, receiver: Receiver) -> None:
        self.open("callbacks")
        labelled(self.page, self.words["address"]).first.fill(receiver.url)
        self.button("try out").click()
        self.sees("fails")
        self.button("save").click()
        self.sees("saved")

    def rotates(self) -> str:
        """The rehearsal names who used the secret and what holds it; then the old one is refused. Gives a stream that
        was published with the new one, and is over.
        """
        before, new, again = self.system.secret, f"a-new-secret-{self.name}", new_name("again")
        lobby = {"server": "rtmp://192.0.2.7/live", "key": f"lobby?secret={before}", "node": self._node()}
        film = shutil.copy(self.system.clip, self.system.home / "lobby.flv")
        made = {"name": "Lobby", "kind": "file", "inputs": [{"file": str(film)}], "enabled": False}
        own = self.system.api.call("POST", "/v1/sources", made | lobby)
        here = {"name": "Hall", "url": self.system.rtmp(f"live/hall?secret={before}"), "enabled": False}
        copy = self.system.api.call("POST", "/v1/destinations", here)
        try:
            self.open("settings")
            self.button("rotate").click()
            dialog = self.page.get_by_role("dialog")
            dialog.get_by_text(f"live/{self.name}").wait_for()
            expect(dialog.locator(".why")).to_contain_text("Lobby")
            self.sees("kept in", dialog)
            # What publishes on its own edge is named, and goes on.
            expect(dialog.locator(".muted", has_text="Hall")).to_contain_text(self.words["goes on"])
            labelled(self.page, self.words["new secret"]).fill(new)
            self.button("rotate", dialog).click()
            self.sees("rotated")
            assert self.system.refused(f"live/{new_name('late')}?secret={before}")
            encoder = self.system.publish(again, suffix=f"?secret={new}")
            self.system.live(again)
            self.system.end(encoder)
        finally:
            self.system.api.call("PATCH", "/v1/settings/publish", {"secret": before})
            self.system.api.call("DELETE", f"/v1/sources/{own['id']}")
            self.system.api.call("DELETE", f"/v1/destinations/{copy['id']}")
        return again

    def _node(self) -> str:
        return str(self.system.api.call("GET", "/v1/nodes")["items"][0]["id"])

    def sends_again(self, receiver: Receiver, stream: str) -> None:
        """What the receiver failed to take: what changed between two tries, and once more when it is well."""

        def tried() -> list[dict[str, Any]]:
            mine = f"live/{stream}"
            found = self.system.api.call("GET", "/v1/deliveries", stream=mine, kind="on_unpublish")["items"]
            return [d for d in found if len(d["attempts"]) > 1]

        until(tried, "it was tried twice", 40)
        self.open(f"callbacks?stream=live/{stream}&kind=on_unpublish")
        self.page.get_by_role("link", name="on_unpublish").click()
        dialog = self.page.get_by_role("dialog")
        self.sees("compared", dialog)
        expect(dialog.locator(".line.new", has_text="webhook-timestamp")).to_be_visible()
        expect(dialog.locator(".line.gone", has_text='"error": "try')).to_be_visible()
        receiver.well = True
        self.button("resend", dialog).click()
        self.sees("delivered", dialog)
        self.page.keyboard.press("Escape")
        self.button("try out").click()
        self.sees("works")

    # rooms, sources, edges

    def makes_a_room(self) -> None:
        stream = new_name("guest")
        self.open("rooms")
        self.button("make room").click()
        labelled(self.page, self.words["name"]).fill("Ann 🎈")
        labelled(self.page, self.words["stream name"]).fill(stream)
        self.button("make room", self.page.get_by_role("dialog")).click()
        self.page.wait_for_url(re.compile(r"/console/rooms/.+"))
        self.sees("to publish", self.page.get_by_role("dialog", name="Ann 🎈"))
        (room,) = self.system.api.call("GET", f"/v1/rooms?q={stream}")["items"]
        encoder = self.system.publish(stream, suffix=f"?secret={room['secret']}")
        self.system.live(stream)
        self.system.end(encoder)
        self.system.api.call("DELETE", f"/v1/rooms/{room['id']}")

    def plays_a_film(self, large: Path, network: CDPSession) -> None:
        """300 MB, over a connection that breaks; then it is on air, and seen."""
        loop = new_name("loop")
        self.open("sources")
        self.button("add source").click()
        labelled(self.page, self.words["kind"]).select_option("file")
        _rate(network, 60)
        with self.timed("uploaded"):
            self.page.locator("input[type=file]").set_input_files(large)
            until(lambda: _sent(self.page) > 0.3, "it is being sent")
            _rate(network, 60, offline=True)
            self.sees("broken")
            broken = _sent(self.page)
            _rate(network, -1e-6)
            self.page.get_by_role("dialog").get_by_text("H.264").wait_for(timeout=60_000)
        assert broken > 0
        labelled(self.page, self.words["as"]).fill(f"live/{loop}")
        self.button("add source", self.page.get_by_role("dialog")).click()
        self.sees("source added", seconds=40)
        (source,) = self.system.api.call("GET", "/v1/sources")["items"]
        try:
            assert [(i["name"], i["size"]) for i in source["inputs"]] == [(large.name, LARGE)]
            self.system.live(loop, 40)
            self.open(f"live/live/{loop}")
            plays(self.page)
        finally:
            self.system.api.call("DELETE", f"/v1/sources/{source['id']}")

    def looks_at_the_edge(self) -> None:
        self.open("edges")
        self.sees("online")
        self.sees("media up")

    def leaves(self) -> None:
        """Nothing is shown afterwards."""
        if self.narrow:
            self.button("more").click()
        self.page.get_by_role("button", name=self.words["sign out"]).click()
        self.page.wait_for_url(re.compile(r"/console/sign-in"))
        self.page.goto(console(self.system, "live"))
        self.page.wait_for_url(re.compile(r"/console/sign-in\?then="))


def _rate(network: CDPSession, megabytes: float, *, offline: bool = False) -> None:
    """MB/s upwards."""
    bounds = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": megabytes * 1e6, "offline": offline}
    network.send("Network.emulateNetworkConditions", bounds)


def _sent(page: Page) -> float:
    """How much of the upload the page shows as sent, from 0 to 1."""
    shown = "() => { const p = document.querySelector('progress'); return p ? p.value / p.max : 1; }"
    return float(page.evaluate(shown))
