"""Segments as a node brings them, made into a recording by the services and the real FFmpeg, and what comes of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from chalicelib.adapters.ffmpeg import FfmpegMedia
from chalicelib.domain.model.recordings import Recording
from chalicelib.wire.edge.events import RecordingPartDone, RecordingStarted, SessionEnded
from chalicelib.wire.recording import ManifestSegment, SegmentKey, SessionManifest, manifest_key, recording_id
from edge.srs.timestamps import edges, measure, parted
from tests.fakes import FakeMedia
from tests.unit.cloud_rig import STREAM, Cloud

from .rig import FFMPEG, FFPROBE


@dataclass(frozen=True)
class Played:
    """A file as a player sees it. `pitch_hz`: of its tone, 0 without sound; `complaint`: what the decoder says."""

    kinds: tuple[str, ...]
    duration_s: float
    pitch_hz: float
    complaint: str


@dataclass(frozen=True)
class Recorded:
    """A finished recording with its files in a folder."""

    state: str
    error: str
    notes: tuple[str, ...]
    listed_s: float
    playlist: Path
    films: tuple[Path, ...]


def record(folder: Path, *sessions: Sequence[Path]) -> Recorded:
    """What becomes of the segments of one session, or of several that followed each other within the merge window."""
    media = cast("FakeMedia", FfmpegMedia(FFMPEG))
    cloud = Cloud(media=media)
    recording = recording_id(cloud.session(1))
    for number, segments in enumerate(sessions, 1):
        cloud.clock.pass_(seconds=1)
        session = cloud.session(1) if number == 1 else cloud.session(number)
        if number == 1:
            recording = recording_id(session)
        _session(cloud, session, recording, segments)
    cloud.finish()
    while (found := cloud.store.get(Recording, recording)) is not None and found.state == "finishing":
        cloud.finisher.finish(recording)
    assert found is not None
    root = f"recordings/{recording}/"
    for key, body in cloud.objects.objects.items():
        path = folder / key.removeprefix(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    lengths = (folder / "index.m3u8").read_text().split("#EXTINF:")[1:]
    return Recorded(
        found.state,
        found.error,
        tuple(each.words for each in found.left_out),
        sum(float(text.partition(",")[0]) for text in lengths),
        folder / "index.m3u8",
        tuple(folder / f.name for f in found.files),
    )


def _length_ms(segment: Path) -> int:
    show = ["-v", "error", "-show_entries", "format=duration", "-of", "json", str(segment)]
    return int(float(json.loads(_run(FFPROBE, *show)[0])["format"].get("duration", 0)) * 1000)


def _session(cloud: Cloud, session: str, recording: str, segments: Sequence[Path]) -> None:
    events = [cloud.event(session, cloud.admitted()), cloud.event(session, RecordingStarted(recording=recording))]
    claims, broken, before = [], False, None
    for index, segment in enumerate(segments):
        body = segment.read_bytes()
        found = measure(body)
        length = found.duration_ms if found else _length_ms(segment)
        seen = edges(segment)
        apart = before is not None and seen is not None and parted(before, seen)
        key = str(SegmentKey(recording, cloud.node, session, index, length, broken or apart))
        broken, before = found is not None and found.jumps, seen
        cloud.objects.objects[key] = body
        digest = hashlib.sha256(body).hexdigest()
        claims.append(ManifestSegment(index=index, duration_ms=length, bytes=len(body), sha256=digest, key=key))
    now = cloud.clock()
    manifest = SessionManifest(
        recording=recording,
        node=cloud.node,
        session=session,
        stream=STREAM,
        started_at=now,
        ended_at=now,
        segments=claims,
    )
    cloud.objects.objects[manifest_key(recording, cloud.node, session)] = manifest.model_dump_json().encode()
    sums = {"segments": len(claims), "duration_ms": 0, "bytes": sum(c.bytes for c in claims)}
    done = RecordingPartDone(recording=recording, **sums)
    events += [cloud.event(session, SessionEnded()), cloud.event(session, done)]
    assert set(cloud.send(*events)) == {"accepted"}


def played(path: Path) -> Played:
    """Play a file or a playlist from its beginning to its end."""
    allowed = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    show = [*allowed, "-v", "error", "-count_packets", "-show_streams", "-show_format", "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(_run(FFPROBE, *show)[0])
    streams = [s for s in found["streams"] if int(s.get("nb_read_packets", 0)) > 0]
    maps = [word for s in streams for word in ("-map", f"0:{s['index']}")]
    _, complaint = _run(
        FFMPEG, "-v", "error", *allowed, "-i", str(path), *maps, "-enc_time_base", "-1", "-f", "null", "-"
    )
    audio = any(s["codec_type"] == "audio" for s in streams)
    kinds = tuple(sorted({s["codec_name"] for s in streams}))
    return Played(kinds, float(found["format"]["duration"]), _pitch(path, allowed) if audio else 0.0, complaint)


def _pitch(path: Path, allowed: list[str]) -> float:
    """The tone in Hz, by counting how often it passes zero upwards in its middle half."""
    raw = [FFMPEG, "-v", "error", *allowed, "-i", str(path), "-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
    data = memoryview(subprocess.run(raw, check=True, capture_output=True).stdout).cast("h")
    middle = data[len(data) // 4 : 3 * len(data) // 4]
    return sum(1 for a, b in pairwise(middle) if a < 0 <= b) * 48000 / len(middle)


def _run(*argv: str) -> tuple[str, str]:
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, (argv, done.stderr[-500:])
    return done.stdout.decode(), done.stderr.decode().strip()
