"""The steps of the demo and their table."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.cli.client import Api
from infra.errors import InfraError
from infra.local.demo import media
from infra.local.demo.receiver import Received, receiver
from infra.local.start import Instance, ready_instance

CLIP_S = 20.0
ALL_CALLBACKS = ["on_publish", "on_record_begin", "on_unpublish", "on_record_end"]


class StepError(Exception):
    """A step that did not do what it should; the message says what was seen."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    step: str
    ok: bool
    seconds: float
    said: str


@dataclass
class Demo:
    """One run against one instance. Whatever it changes it puts back."""

    instance: Instance
    api: Api
    callbacks: Received
    clip: Path
    say: Callable[[str], None]
    name: str = field(default_factory=lambda: f"demo-{secrets.token_hex(3)}")
    rows: list[Row] = field(default_factory=list)
    _publisher: subprocess.Popen[bytes] | None = None
    _recording: dict[str, Any] = field(default_factory=dict)

    @property
    def _secret(self) -> str:
        return str(self.api.call("GET", "/v1/settings/publish")["secret"])

    @property
    def _rtmp(self) -> str:
        return self.instance.at["rtmp"].rsplit("/", 1)[0]

    # the steps; each returns a note for the table

    def refuse(self) -> str:
        """A wrong secret."""
        began = time.monotonic()
        said = media.try_publish(self.clip, f"{self._rtmp}/live/{self.name}?secret=wrong-{self.name}", 15)
        if not said:
            raise StepError("a wrong secret was let in")
        # The encoder's own start is in it: how long that takes says nothing about the product.
        return f"refused after {time.monotonic() - began:.1f} s"

    def publish(self) -> str:
        """The right secret."""
        self._publisher = media.publish(self.clip, f"{self._rtmp}/live/{self.name}?secret={self._secret}")
        if self.callbacks.wait_for("on_publish", self.name, 10) is None:
            raise StepError(f"no on_publish came; the encoder said: {self._encoder_said()}")
        return "accepted; on_publish was asked"

    def _encoder_said(self) -> str:
        if self._publisher is None or self._publisher.poll() is None or self._publisher.stderr is None:
            return "nothing yet"
        return media.last_line(self._publisher.stderr.read()) or "nothing"

    def live(self) -> str:
        """The stream is shown."""
        found = self._until(lambda: self._shown(self.name), 10, "the stream is not shown as live")
        return f"session {found['session']}, {found['protocol']}"

    def _shown(self, name: str) -> dict[str, Any] | None:
        items = self.api.call("GET", "/v1/streams")["items"]
        return next((s for s in items if s["name"] == name), None)

    def push(self) -> str:
        """The destination gets it."""
        self._until(lambda: self._pushing() == "running", 15, "the push does not run")
        url = f"{self._rtmp}/push/{self.name}-copy"
        wrong = ""
        for _ in range(3):  # as a viewer would: whoever joins in the very first moments may have to join again
            wrong = media.decode(url, frames=10, seconds=2, timeout_s=8)
            if not wrong:
                return "read back and decoded from the other application"
        raise StepError(f"the destination's stream cannot be read: {wrong}")

    def _pushing(self) -> str:
        items = self.api.call("GET", "/v1/destinations")["items"]
        found = next((d for d in items if d["name"] == self.name), None)
        return found["push"]["state"] if found and found["push"] else ""

    def end(self) -> str:
        """The encoder ends, the session closes."""
        if self._publisher is None:
            raise StepError("nothing was published")
        self._publisher.communicate(timeout=CLIP_S + 15)
        if self._publisher.returncode:
            raise StepError("the encoder did not end well")
        self._until(lambda: self._shown(self.name) is None, 10, "the stream is still shown as live")
        return f"{CLIP_S:.0f} s were published; the session is closed"

    def record(self) -> str:
        """The recording is finished."""
        self._recording = self._until(self._finished, 120, "the recording is not finished")
        if self._recording["state"] != "ready":
            raise StepError(f"the recording failed: {self._recording['error']}")
        if self._recording["gaps"]:
            raise StepError(f"the recording has {self._recording['gaps']} gaps")
        return f"{self._recording['segments']} segments, {self._recording['bytes']} bytes"

    def _finished(self) -> dict[str, Any] | None:
        items = self.api.items("/v1/recordings", 100)
        found = next((r for r in items if r["name"] == self.name), None)
        return found if found and found["state"] in ("ready", "failed") else None

    def told(self) -> str:
        """All four callbacks, in order."""
        self.callbacks.wait_for("on_record_end", self.name, 30)
        came = self.callbacks.actions(self.name)
        if came != ALL_CALLBACKS:
            raise StepError(f"came: {', '.join(came) or 'nothing'}")
        return ", ".join(came)

    def hls(self) -> str:
        """The playlist plays from the store."""
        url = self._links()["hls"]
        wrong = media.decode(url, frames=int((CLIP_S - 3) * 25), timeout_s=60)
        if wrong:
            raise StepError(f"the playlist does not play: {wrong}")
        return self._check_length("HLS", url)

    def mp4(self) -> str:
        """The MP4 is whole."""
        url = self._links()["mp4"]
        found = media.codecs(url)
        if found != ["aac", "h264"]:
            raise StepError(f"the MP4 holds {found}")
        return self._check_length("MP4", url)

    def _check_length(self, what: str, url: str) -> str:
        length = media.duration(url)
        segments = self._proof()["segments"]
        longest = max(s["duration_ms"] for s in segments) / 1000
        if abs(length - CLIP_S) > longest:
            raise StepError(f"the {what} has {length:.1f} s, {CLIP_S:.1f} s were published")
        return f"{length:.2f} s, published {CLIP_S:.2f} s"

    def _links(self) -> dict[str, str]:
        share = self.api.call("POST", f"/v1/recordings/{self._recording['id']}/shares", {})
        return {name: self.api.url + path for name, path in share["links"].items() if isinstance(path, str)}

    def _proof(self) -> dict[str, Any]:
        return dict(self.api.call("GET", f"/v1/recordings/{self._recording['id']}/manifest"))

    def hashes(self) -> str:
        """Every object is what the proof says."""
        base = self._links()["hls"].removeprefix(self.api.url).rsplit("/", 1)[0]
        segments = self._proof()["segments"]
        for segment in segments:
            digest = hashlib.sha256()
            path = segment["key"].split("/", 2)[2]
            for chunk, _ in self.api.download(f"{base}/{path}"):
                digest.update(chunk)
            if digest.hexdigest() != segment["sha256"]:
                raise StepError(f"segment {segment['index']} differs")
        return f"{len(segments)} of {len(segments)} segments equal their SHA-256"

    def _until(self, look: Callable[[], Any], timeout_s: float, otherwise: str) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (found := look()):
            if time.monotonic() > deadline:
                raise StepError(f"{otherwise} after {timeout_s:.0f} s")
            time.sleep(0.2)
        return found

    # the run

    def run(self) -> bool:
        """All steps, up to the first that fails; True when none did."""
        steps: list[tuple[str, Callable[[], str]]] = [
            ("wrong secret is refused", self.refuse),
            ("right secret is accepted", self.publish),
            ("stream is live", self.live),
            ("destination receives it", self.push),
            ("stream ends", self.end),
            ("recording is finished", self.record),
            ("callbacks came in order", self.told),
            ("HLS plays from the store", self.hls),
            ("MP4 plays from the store", self.mp4),
            ("hashes equal the proof", self.hashes),
        ]
        with self._prepared():
            return all(self._step(what, action) for what, action in steps)

    def _step(self, what: str, action: Callable[[], str]) -> bool:
        self.say(f"{what} …")
        began = time.monotonic()
        try:
            ok, said = True, action()
        except (StepError, InfraError, subprocess.TimeoutExpired) as error:
            ok, said = False, str(error)
        self.rows.append(Row(what, ok, round(time.monotonic() - began, 2), said))
        return ok

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        """Callbacks go to us, the destination is there; afterwards all is as it was."""
        kept = self.api.call("GET", "/v1/settings/callbacks")
        self.api.call("PATCH", "/v1/settings/callbacks", {"enabled": True, "target": self.callbacks.url})
        url = f"{self._rtmp}/push/{self.name}-copy?secret={self._secret}"
        body = {"name": self.name, "url": url, "streams": [f"/live/{self.name}"]}
        destination = self.api.call("POST", "/v1/destinations", body)
        try:
            yield
        finally:
            if self._publisher is not None and self._publisher.poll() is None:
                self._publisher.kill()
                self._publisher.wait()
            self.api.call("DELETE", f"/v1/destinations/{destination['id']}")
            back = {"enabled": kept["enabled"], "target": kept["target"]}
            self.api.call("PATCH", "/v1/settings/callbacks", back)


def show(console: Console, rows: list[Row]) -> None:
    """Print the table."""
    view = Table("STEP", "", "SECONDS", "SEEN", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        mark = "[green]✓[/green]" if row.ok else "[red]✗[/red]"
        view.add_row(row.step, mark, f"{row.seconds:.2f}", row.said)
    console.print(view)


def main(*, as_json: bool = False) -> int:
    """Run the demo on the instance in SLUICE_HOME (default ./data), started for it when none runs; returns the exit
    status.
    """
    console = Console(stderr=as_json)
    home = Path(os.environ.get("SLUICE_HOME") or "data").absolute()
    try:
        with (
            ready_instance(home) as instance,
            receiver() as callbacks,
            tempfile.TemporaryDirectory(prefix="sluice-demo-") as folder,
        ):
            clip = Path(folder) / "clip.flv"
            media.make_clip(clip, CLIP_S)
            api = Api(instance.at["url"], instance.at["api_secret"])
            with console.status("demo") as status:
                demo = Demo(instance, api, callbacks, clip, status.update)
                ok = demo.run()
    except InfraError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    if as_json:
        from infra.cli.output import show_json

        show_json({"ok": ok, "steps": [asdict(r) for r in demo.rows]})
    else:
        show(console, demo.rows)
        console.print("The demo passed." if ok else "The demo failed; `sluice doctor` may say why.")
    return 0 if ok else 1
