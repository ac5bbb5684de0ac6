"""A whole instance under load for long, hurt at random: `python -m tests.faults.soak --minutes 30`. Publishers come and
go, each is pushed; processes are killed and stopped. At the end every segment that the media server wrote is in a
recording, no target was pushed twice, and nothing has grown.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from infra.local.demo.media import _run
from infra.local.demo.receiver import receiver
from infra.local.tools import find_ffmpeg
from tests.e2e import system as rig
from tests.e2e.rtmp_sink import RtmpSink, rtmp_sink
from tests.e2e.system import System, Witness
from tests.waiting import until

from .report import report

ROLES = {"agent": ("-m", "edge"), "host": ("infra.local.host",)}
ACTS = {
    "kill the agent": 3, "kill the host": 3, "stop the agent": 2, "stop the host": 2, "stop the media server": 2,
    "kill a worker": 4, "stop a worker": 3, "end a publisher": 6, "kill a publisher": 3, "kill the media server": 1,
}  # fmt: skip


def make_clip(path: Path) -> None:
    """A minute of 100 kbit/s."""
    _run([
        find_ffmpeg().path, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10", "-f", "lavfi",
        "-i", "sine=frequency=440", "-t", "60", "-c:v", "libx264",
         "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10",
        "-b:v", "70k", "-c:a", "aac", "-b:a", "24k", "-ar", "44100", "-f", "flv", str(path),
    ], 120)  # fmt: skip


class Soak:
    """One run."""

    def __init__(self, system: System, sink: RtmpSink, witness: Witness, publishers: int, rng: random.Random) -> None:
        self.system, self.sink, self.witness, self.rng = system, sink, witness, rng
        self.names = [f"soak{n}" for n in range(publishers)]
        self.encoders: dict[str, Any] = {}
        self.acts: Counter[str] = Counter()
        self.samples: dict[str, list[tuple[float, float, int, int]]] = defaultdict(list)
        """Role → (seconds since the start, resident MB, files, threads) of processes that are a minute old."""
        self.began = time.monotonic()

    def begin(self) -> None:
        for name in self.names:
            self.system.add_destination(name, self.sink.url(name))
            self.encoders[name] = self.system.publish(name)

    def keep_publishing(self) -> None:
        for name, encoder in self.encoders.items():
            if encoder.poll() is not None:
                self.encoders[name] = self.system.publish(name)

    def act(self) -> None:
        what = self.rng.choices(list(ACTS), list(ACTS.values()))[0]
        self.acts[what] += 1
        with suppress(psutil.Error, IndexError):
            self._do(what)

    def _do(self, what: str) -> None:
        verb, _, whom = what.partition(" ")
        if whom == "a publisher":
            encoder = self.encoders[self.rng.choice(self.names)]
            encoder.send_signal(signal.SIGINT if verb == "end" else signal.SIGKILL)
            return
        found = {
            "the agent": self.system.agent, "the host": self.system.host, "the media server": self.system.media_server,
            "a worker": lambda: self.rng.choice(self.system.workers()),
        }[whom]()  # type: ignore[no-untyped-call]  # fmt: skip
        if verb == "kill":
            found.kill()
            return
        found.suspend()
        try:
            time.sleep(self.rng.uniform(1, 8))
        finally:
            found.resume()

    def sample(self) -> None:
        for role, words in ROLES.items():
            child = self.system.child(*words)
            with suppress(psutil.Error, AttributeError):
                if child is not None and time.time() - child.create_time() > 60:
                    at = time.monotonic() - self.began
                    mb = child.memory_info().rss / 1e6
                    self.samples[role].append((at, mb, child.num_fds(), child.num_threads()))

    def run(self, seconds: float) -> None:
        next_act = next_sample = 0.0
        while (now := time.monotonic() - self.began) < seconds:
            self.keep_publishing()
            if now >= next_act:
                self.act()
                next_act = time.monotonic() - self.began + self.rng.uniform(8, 30)
            if now >= next_sample:
                self.sample()
                next_sample = now + 15
            time.sleep(1)

    def end(self) -> list[str]:
        """Everybody leaves; what was broken."""
        for encoder in self.encoders.values():
            if encoder.poll() is None:
                encoder.send_signal(signal.SIGINT)
            encoder.wait(20)
        until(lambda: not self.system.api.call("GET", "/v1/streams")["items"], "all are over", 120)
        until(self._finished, "all recordings are finished", 600, 2)
        self.system.remove_destinations()
        until(lambda: not self.system.workers(), "no FFmpeg is left", 60)
        found = [w for name in self.names for w in [*self._recordings(name), *self._pushes(name)]]
        found += self._segments()
        links = list((self.system.home / "agent" / "segments").glob("*/*.ts"))
        return found + [f"{len(links)} links are left"] * bool(links) + self._growth()

    def _finished(self) -> bool:
        states = Counter(r["state"] for r in self.system.api.items("/v1/recordings", 500))
        return not set(states) - {"ready", "failed"}

    def _segments(self) -> list[str]:
        """By inode: what is stored is a link to what was written, and the clip has the same bytes each time."""
        stored = Counter(path.stat().st_ino for path in (self.system.home / "objects").rglob("*.ts"))
        written = self.witness.inodes()
        lost, twice = len(written - stored.keys()), sum(n > 1 for n in stored.values())
        found = [f"{lost} of {len(written)} segments are missing"] * bool(lost)
        return found + [f"{twice} segments are there twice"] * bool(twice)

    def _recordings(self, name: str) -> list[str]:
        return [f"{name}: {r['error']}" for r in self.system.recordings(name) if r["state"] != "ready"]

    def _pushes(self, name: str) -> list[str]:
        """Two publishes of a target never have media at once."""
        times = sorted((p.first, p.last or p.first) for p in self.sink.of(name) if p.first is not None)
        overlaps = [b - a for (_, a), (b, _) in pairwise(times) if b < a - 0.5]
        return [f"{name}: pushed twice {len(overlaps)} times, {overlaps[:3]}"] * bool(overlaps)

    def _growth(self) -> list[str]:
        """The last third against the first."""
        found = []
        for role, samples in self.samples.items():
            third = len(samples) // 3
            if third < 3:
                continue
            for n, what, most in ((1, "MB", 1.25), (2, "files", 1.5), (3, "threads", 1.5)):
                before, after = (median(s[n] for s in part) for part in (samples[:third], samples[-third:]))
                if after > before * most + 5:
                    found.append(f"{role}: {what} grew from {before:.0f} to {after:.0f}")
        return found

    def figures(self) -> dict[str, Any]:
        out: dict[str, Any] = {"acts": dict(self.acts), "kills_and_hangs": self.acts.total()}
        for role, samples in self.samples.items():
            third = max(1, len(samples) // 3)
            first, last = samples[:third], samples[-third:]
            out[role] = {
                what: [round(median(s[n] for s in part), 1) for part in (first, last)]
                for n, what in ((1, "mb"), (2, "files"), (3, "threads"))
            }
        out["pushes"] = sum(len(self.sink.of(name)) for name in self.names)
        out["segments"] = len(self.witness.inodes())
        out["sessions"] = sum(len(self.system.sessions(name)) for name in self.names)
        return out


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--publishers", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments.add_argument("--ports", default="25000-25499", help="for users; the 500 behind them are used inside")
    arguments.add_argument("--home", type=Path, help="where the instance lives")
    given = arguments.parse_args()
    low, _, high = given.ports.partition("-")
    rig.USER_PORTS = range(int(low), int(high) + 1)
    print(f"seed {given.seed}", flush=True)
    folder = given.home or Path(tempfile.mkdtemp(prefix="sluice-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    clip = folder / "clip.flv"
    make_clip(clip)
    environment = rig.environment() | {"SLUICE_INTERNAL_PORTS": f"{int(high) + 1}-{int(high) + 500}"}
    with receiver() as received, rtmp_sink() as sink:
        system = System(folder / "home", clip, received, environment)
        system.start()
        witness = Witness(system.home / "media", folder / "kept")
        try:
            system.prepare()
            soak = Soak(system, sink, witness, given.publishers, random.Random(given.seed))
            soak.begin()
            soak.run(given.minutes * 60)
            found = soak.end()
            figures = soak.figures()
        finally:
            system.kill_encoders()
            witness.close()
            system.stop()
    kind = "SRS" if environment["SRS_BIN"] else "stand-in"
    out = {
        "minutes": given.minutes,
        "publishers": given.publishers,
        "media_server": kind,
        **figures,
        "violations": found,
    }
    report("soak", **out)
    print(json.dumps(out, indent=1))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
