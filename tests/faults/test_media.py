"""The whole instance with real media while its disk is full, its media server hangs, its cloud is away and comes back
as it was before. Short as a rule; `SLUICE_FAULTS_LONG=1` (`make faults`) takes the times that were promised.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.cli.client import CliError
from infra.local.demo.media import make_clip
from infra.local.demo.receiver import Received, receiver
from tests.e2e.rtmp_sink import RtmpSink, rtmp_sink
from tests.e2e.system import System, Witness, environment, need_media_tools, new_name
from tests.waiting import until

from .report import LONG, report, take_time

pytestmark = [pytest.mark.media, pytest.mark.slow]
FULL_S = 60.0 if LONG else 10.0
HANGS_S = (8.0, 20.0) if LONG else (8.0,)
AWAY_S = 600.0 if LONG else 12.0
BACKUP_AGE_S = 300.0 if LONG else 5.0
TMPFS_MB = 1000


class PatientWitness(Witness):
    """One that does without what it can't link on a full disk."""

    def look(self) -> None:
        with suppress(OSError):
            super().look()


@pytest.fixture(scope="module")
def received() -> Iterator[Received]:
    need_media_tools()
    with receiver() as target:
        yield target


@pytest.fixture(scope="module")
def sink() -> Iterator[RtmpSink]:
    with rtmp_sink() as target:
        yield target


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("a tmpfs can't be mounted here: run it as root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


@pytest.fixture(scope="module")
def system(disk: Path, received: Received, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    clip = tmp_path_factory.mktemp("clip") / "clip.flv"
    make_clip(clip, 9.0, keyframe_s=1)
    system = System(disk / "home", clip, received, environment())
    system.start()
    yield system
    system.kill_encoders()
    system.stop()


@pytest.fixture
def ready(system: System, disk: Path) -> Iterator[tuple[System, Witness]]:
    take_time()
    system.prepare()
    witness = PatientWitness(system.home / "media", disk / new_name("witness"))
    yield system, witness
    until(lambda: answers(system), "the cloud answers", 120)
    system.kill_encoders()
    system.remove_destinations()
    witness.close()


def told(system: System, what: str, **figures: Any) -> None:
    """A line of the report: with which media server, too."""
    server = system.agent_status()["media_server"]
    report(what, **figures, media_server=f"{server['kind']} {server['version']}".strip())


def told_once(system: System, name: str, *, asked: bool) -> None:
    """Each callback under one id, a recording begins before it ends. `asked`: the cloud was there for `on_publish`."""
    for action in ("on_unpublish", "on_record_end"):
        assert system.received.wait_for(action, name, 60) is not None, system.callbacks(name)
    came = system.callbacks(name)
    wanted = {"on_record_begin", "on_unpublish", "on_record_end"} | ({"on_publish"} if asked else set())
    assert set(came) == wanted, came
    assert all(len(ids) == 1 for ids in came.values()), came
    first = list(dict.fromkeys(system.received.actions(name)))
    assert first.index("on_record_begin") < first.index("on_record_end")


def whole(system: System, witness: Witness, name: str, *, asked: bool = True) -> tuple[int, int]:
    """One session, one recording with all that was written, or a named gap. (segments, gaps)"""
    recording = system.recorded(name, 180)
    proof = system.proof(recording)
    kept = [s["sha256"] for s in proof["segments"]]
    missing = witness.hashes(name) - set(kept)
    assert not missing or proof["gaps"], f"{len(missing)} segments are missing, and no gap says so"
    assert len(kept) == len(set(kept)), "a segment is there twice"
    assert len(system.sessions(name)) == 1, system.sessions(name)
    told_once(system, name, asked=asked)
    return len(kept), len(proof["gaps"])


def test_a_full_disk_is_survived_without_a_restart(ready: tuple[System, Witness], sink: RtmpSink, disk: Path) -> None:
    system, witness = ready
    begun = [begin(system, sink, "full"), begin(system, sink, "full", pushed=False)]
    names = [each.name for each in begun]
    until(lambda: all(len(witness.hashes(name)) >= 2 for name in names), "segments are written")
    before = (system.agent().pid, system.host().pid)
    assert not unwell(system)
    filler = disk / "filler"
    try:
        fill(filler)
        said = until(lambda: unwell(system), "it is said", 60)
        time.sleep(FULL_S)
    finally:
        filler.unlink()
    until(lambda: not unwell(system), "all is well again", 120)
    # SRS cuts publishers off whose segments it can't write; encoders come again.
    encoders = [e.encoder if e.encoder.poll() is None else system.publish(e.name) for e in begun]
    for name in names:
        system.live(name, 60)
    until(lambda: sink.flowing(names[0], 3), "it is pushed", 90)
    assert (system.agent().pid, system.host().pid) == before, "without a restart"
    time.sleep(6)
    for name, encoder in zip(names, encoders, strict=True):
        system.end(encoder)
        system.gone(name, 60)
    figures = [in_all(system, witness, name) for name in names]
    told(system, "a full disk", seconds=FULL_S, said=said, segments_and_gaps=figures)


def in_all(system: System, witness: Witness, name: str) -> tuple[int, int]:
    """All that was written of a stream is in one of its recordings, once, or a gap is named. (segments, gaps)"""
    until(lambda: all(r["state"] == "ready" for r in system.recordings(name)), "all are finished", 180, 0.5)
    proofs = [system.proof(r) for r in system.recordings(name)]
    kept, gaps = [s["sha256"] for p in proofs for s in p["segments"]], sum(len(p["gaps"]) for p in proofs)
    missing = witness.hashes(name) - set(kept)
    assert not missing or gaps, f"{len(missing)} segments are missing, and no gap says so"
    # The clip begins anew with each publish, and its first segments are alike byte by byte.
    assert max(Counter(kept).values()) <= len(system.sessions(name)), "a segment is there twice"
    return len(kept), gaps


def fill(path: Path) -> None:
    """Until nothing more goes onto the disk."""
    with path.open("wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    out.write(b"\0" * size)


@dataclass(frozen=True)
class Begun:
    """A stream that is live. `target`: where it is pushed to; empty: nowhere."""

    name: str
    encoder: subprocess.Popen[bytes]
    session: str
    target: dict[str, Any]


def begin(system: System, sink: RtmpSink, what: str, *, pushed: bool = True) -> Begun:
    """A stream that is live and pushed. One that the agent cuts off within its first seconds, because a slow machine
    has met SRS's bug 4656, is begun anew under another name.
    """
    for _ in range(5):
        name = new_name(what)
        target = system.add_destination(name, sink.url(name)) if pushed else {}
        encoder = system.publish(name)
        session = str(system.live(name, 60)["session"])
        until(lambda: not pushed or sink.flowing(name, 3) or encoder.poll() is not None, "it is pushed", 90)  # noqa: B023
        if system.agent_status()["media_server"]["kind"] == "srs":
            time.sleep(12)  # the agent has looked by then
        if encoder.poll() is None:
            return Begun(name, encoder, session, target)
    raise AssertionError("no stream stays live here")


def answers(system: System) -> bool:
    with suppress(CliError):
        system.api.call("GET", "/v1/streams")
        return True
    return False


def unwell(system: System) -> str:
    """What the instance says is wrong with its disk or its loops."""
    with suppress(CliError):
        found = system.api.call("GET", "/v1/readiness")["findings"]
        if codes := [f["code"] for f in found if f["code"] in {"disk_full", "spool_failed", "agent_stalled"}]:
            return str(codes[0])
    status = system.agent_status()
    if not status:
        return ""
    spool, loops = status["spool"], status["loops"]
    if not spool["healthy"] or spool["kept"]:
        return "spool"
    ill = [name for name, loop in loops.items() if not loop["well"]]
    return f"loops {ill}" if ill else str(spool["error"])


@pytest.mark.parametrize("hangs_s", HANGS_S)
def test_a_media_server_that_hangs_goes_on_as_one(
    ready: tuple[System, Witness], sink: RtmpSink, hangs_s: float
) -> None:
    system, witness = ready
    begun = [begin(system, sink, "hangs") for _ in range(2)]
    names, sessions = [each.name for each in begun], [each.session for each in begun]
    until(lambda: all(len(witness.hashes(name)) >= 2 and sink.flowing(name) for name in names), "media flow")
    server = system.media_server()
    server.suspend()
    try:
        time.sleep(hangs_s)
    finally:
        server.resume()
    until(lambda: all(sink.flowing(name, 3) for name in names), "media flow again", 60)
    time.sleep(5)
    assert [system.live(name)["session"] for name in names] == sessions
    assert [system.push(each.target)["session"] for each in begun] == sessions
    for each in begun:
        system.end(each.encoder)
        system.gone(each.name, 60)
    figures = [whole(system, witness, name) for name in names]
    assert all(gaps == 0 for _, gaps in figures)
    told(system, "a media server that hangs", seconds=hangs_s, segments_and_gaps=figures)


def test_a_cloud_that_comes_back_as_it_was_before_hears_all_of_it(
    ready: tuple[System, Witness], sink: RtmpSink
) -> None:
    system, witness = ready
    database = next(system.home.rglob("sluice.sqlite3"))
    backup = system.home / "backup.sqlite3"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    before = new_name("before")
    encoder = system.publish(before, seconds=9)
    encoder.communicate(timeout=60)
    time.sleep(BACKUP_AGE_S)  # what is told from here on is in no backup
    begun = begin(system, sink, "during", pushed=False)
    during, live = begun.name, begun.encoder
    until(lambda: len(witness.hashes(during)) >= 2, "segments are written")
    host = system.host()
    host.suspend()  # a black hole first
    time.sleep(AWAY_S / 4)
    with suppress(Exception):
        host.resume()
    with system.held_down(lambda: system.child("infra.local.host"), AWAY_S):
        time.sleep(AWAY_S / 2)
        away = new_name("away")
        other = system.publish(away, seconds=9)
        other.communicate(timeout=60)
        for suffix in ("-wal", "-shm", ".open"):  # the last says that the log has to be there
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(backup, database)
    until(lambda: answers(system), "the cloud is back", 60)
    assert live.poll() is None, "the publisher is gone"
    until(lambda: system.stream(during), "it knows what is live", 120)
    system.end(live)
    system.gone(during, 60)
    figures = {
        "before": whole(system, witness, before),
        "during": whole(system, witness, during),
        "away": whole(system, witness, away, asked=False),
    }
    for name in (before, during, away):
        kinds = [e["kind"] for e in system.events(name) if e["kind"].startswith("session.")]
        assert kinds == ["session.admitted", "session.live", "session.ended"], kinds
    told(system, "a cloud that went back", away_s=AWAY_S, backup_age_s=BACKUP_AGE_S, segments_and_gaps=figures, lost=0)
