"""What encoders send, published, recorded, played again: right in length and pitch, or left out with words (R1 to R3).

One row of `docs/compatibility.md` each. What goes through a media server is published by the FFmpeg of the wheel
imageio-ffmpeg, which speaks Enhanced RTMP; the finisher's rules are tested on transport streams that FFmpeg makes, too.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.compatibility import section
from tests.e2e.browser import a_browser
from tests.waiting import until

from .recorded import Recorded, played, record
from .rig import FFMPEG, Rig

pytestmark = pytest.mark.media

ENCODER = imageio_ffmpeg.get_ffmpeg_exe()
TONE_HZ = 440
CLIP_S = 6.0
VIDEO = {
    "H.264": ("libx264", "-preset", "ultrafast", "-g", "25"),
    "HEVC": ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25"),
    "AV1": ("libsvtav1", "-preset", "11", "-g", "25"),
}
AUDIO = {
    "AAC": ("aac", "-ar", "48000", "-ac", "2"),
    "MP3": ("libmp3lame", "-ar", "44100", "-ac", "2"),
    "Opus": ("libopus", "-ar", "48000", "-ac", "2"),
    "G.711": ("pcm_alaw", "-ar", "8000", "-ac", "1"),
}
NAMES = {"h264": "H.264", "hevc": "HEVC", "aac": "AAC", "mp3": "MP3", "opus": "Opus"}
PAIRS = [(v, a) for v in (*VIDEO, "") for a in (*AUDIO, "") if v or a]
HEADER = ["Picture", "Sound", "HLS", "MP4", "Said"]
LENGTH, PITCH = 0.02, 0.01
UNFLUSHED_S = 0.15
"""nginx collects so much sound before it writes it."""


@pytest.fixture(scope="session")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each codec by itself, encoded once."""
    folder = tmp_path_factory.mktemp("tracks")
    made = {}
    for name, codec in VIDEO.items():
        made[name] = folder / f"{name}.mkv"
        picture = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-pix_fmt", "yuv420p", "-c:v", *codec]
        encode(ENCODER, *picture, "-t", str(CLIP_S), str(made[name]))
    for name, codec in AUDIO.items():
        made[name] = folder / f"{name}.mkv"
        encode(
            ENCODER, "-f", "lavfi", "-i", f"sine={TONE_HZ}:r=48000", "-c:a", *codec, "-t", str(CLIP_S), str(made[name])
        )
    return made


def encode(ffmpeg: str, *arguments: str) -> None:
    subprocess.run([ffmpeg, "-v", "error", "-nostdin", "-y", *arguments], check=True, capture_output=True)


def inputs(tracks: dict[str, Path], *names: str, pace: bool = False) -> list[str]:
    return [word for n in names if n for word in (*(["-re"] if pace else []), "-i", str(tracks[n]))]


def named(kinds: Sequence[str]) -> str:
    return " and ".join(sorted(NAMES.get(k, k) for k in kinds))


def checked(made: Recorded, seconds: float, what: str, unflushed_s: float = 0.0) -> tuple[str, str, str]:
    """(HLS, MP4, what was said) of a recording that must play or say why it does not. `unflushed_s`: what a server
    may have kept to itself of the end.
    """
    if made.state != "ready":
        assert made.error, what
        return "–", "–", made.error
    within = max(LENGTH * seconds, unflushed_s)
    assert made.listed_s == pytest.approx(seconds, abs=within), what
    hls, films = played(made.playlist), [played(film) for film in made.films]
    assert films, what
    for film in films:
        assert film.complaint == "", what
        if film.pitch_hz:
            assert film.pitch_hz == pytest.approx(TONE_HZ, rel=PITCH), what
    assert sum(film.duration_s for film in films) == pytest.approx(seconds, abs=within), what
    lost = set(hls.kinds) - {kind for film in films for kind in film.kinds}
    assert not lost or made.notes, f"{what}: {lost} is in no MP4, and nothing says so"
    return named(hls.kinds), ", ".join(named(film.kinds) for film in films), "; ".join(made.notes)


# through a media server -----------------------------------------------------------------------------------------------


def what_the_server_keeps(kind: str, video: str, audio: str) -> set[str]:
    """The codecs that get into its segments."""
    keeps = {"srs": {"H.264", "HEVC", "AAC", "MP3"}, "stand-in": {"H.264", "AAC"}}[kind]
    return {video, audio} & keeps


def test_r1_what_encoders_send_is_recorded_as_it_is_or_left_out(
    rig: Rig, tracks: dict[str, Path], tmp_path: Path
) -> None:
    names = {(v, a): f"m-{v}-{a}".replace(".", "").lower() for v, a in PAIRS}
    encoders = {}
    for pair, name in names.items():
        argv = [ENCODER, "-v", "error", "-nostdin", *inputs(tracks, *pair, pace=True), "-c", "copy", "-f", "flv"]
        encoders[pair] = rig.run([*argv, rig.url(f"live/{name}")])
    for encoder in encoders.values():
        encoder.wait(60)
    for name in names.values():
        client = rig.client_of(name)
        until(lambda client=client: "on_unpublish" in rig.sink.actions(client), f"the end of {name}", 40)  # type: ignore[misc]
    time.sleep(1)  # SRS finishes its last segment behind the end
    rows = []
    for pair, name in names.items():
        segments = written(rig, name)
        kept = what_the_server_keeps(rig.kind, *pair)
        rows.append([pair[0] or "none", pair[1] or "none", *_row(segments, kept, tmp_path / name, name)])
    section(f"media by {'SRS' if rig.kind == 'srs' else 'the stand-in'}", HEADER, rows, "Published by RTMP.")


def written(rig: Rig, name: str) -> list[Path]:
    """The segments of a stream in order, told of or not: of the last one SRS does not tell when it is busy, and the
    agent looks into the folder.
    """
    told = {Path(h["cwd"]) / h["file"] for h in rig.sink.of("on_hls", name)}
    there = {path for folder in {path.parent for path in told} for path in folder.glob(f"{name}-*.ts")}
    return sorted(there, key=lambda path: int(path.stem.split("-")[-2]))


def _row(segments: Sequence[Path], kept: set[str], folder: Path, name: str) -> tuple[str, str, str]:
    if not segments:
        assert not kept, f"{name} is recorded"
        return "–", "–", "the media server makes no segment of it"
    made = record(folder, segments)
    cells = checked(made, CLIP_S, name, UNFLUSHED_S)
    assert set(cells[1].split(" and ")) == kept, name
    return cells


# the finisher alone ---------------------------------------------------------------------------------------------------


def stream(folder: Path, *arguments: str) -> list[Path]:
    """A transport stream in segments of two seconds or more, each from a keyframe on."""
    folder.mkdir(parents=True, exist_ok=True)
    cut = ["-f", "segment", "-segment_time", "2", "-segment_format", "mpegts", str(folder / "%03d.ts")]
    encode(FFMPEG, *arguments, *cut)
    return sorted(folder.glob("*.ts"))


def test_r1_whatever_a_transport_stream_holds_is_in_the_mp4_or_said(tracks: dict[str, Path], tmp_path: Path) -> None:
    rows = []
    for video, audio in PAIRS:
        name = f"{video}-{audio}"
        segments = stream(tmp_path / name / "ts", *inputs(tracks, video, audio), "-c", "copy")
        made = record(tmp_path / name / "made", segments)
        rows.append([video or "none", audio or "none", *_ts_row(made, video, audio, name)])
    section("media in transport streams", HEADER, rows, "Given to the finisher as FFmpeg writes them.")


def _ts_row(made: Recorded, video: str, audio: str, name: str) -> tuple[str, str, str]:
    """What FFmpeg can't put into a transport stream as what it is comes back as data that nobody knows."""
    known = {video, audio} & {"H.264", "HEVC", "AAC", "MP3", "Opus"}
    if not known:
        assert made.state == "failed", name
        assert made.error, name
        return "–", "–", made.error
    cells = checked(made, CLIP_S, name)
    assert set(cells[1].split(" and ")) == known, name
    return cells


@dataclass(frozen=True)
class Case:
    """Something that encoders do. `runs`: sessions, each FFmpeg's options behind the inputs; `files`: how many MP4s."""

    what: str
    runs: tuple[tuple[str, ...], ...]
    files: int = 1
    seconds: float = CLIP_S
    rate: str = "25"
    size: tuple[str, ...] = ("160x90",)


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
AAC = ("-c:a", "aac", "-ar", "48000", "-ac", "2")
PLAIN = (*H264, *AAC)
CASES = [
    Case("B-frames", ((*H264, "-preset", "veryfast", "-bf", "3", *AAC),)),
    Case("one picture a second", (("-c:v", "libx264", "-preset", "ultrafast", "-g", "2", *AAC),), rate="1", seconds=12),
    Case(
        "one keyframe in 30 s",
        (("-c:v", "libx264", "-preset", "ultrafast", "-g", "9999", *AAC),),
        rate="10",
        seconds=30,
    ),
    Case("the same again", (PLAIN, PLAIN)),
    Case("another size", (PLAIN, PLAIN), 2, size=("160x90", "320x180")),
    Case("another sample rate", (PLAIN, (*H264, "-c:a", "aac", "-ar", "44100", "-ac", "2")), 2),
    Case("mono after stereo", (PLAIN, (*H264, "-c:a", "aac", "-ar", "48000", "-ac", "1")), 2),
    Case("another codec of sound", (PLAIN, (*H264, "-c:a", "libmp3lame", "-ar", "48000")), 2),
    Case(
        "HEVC after H.264",
        (PLAIN, ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", *AAC)),
        2,
    ),
    Case("no sound any more", (PLAIN, (*H264, "-an")), 2),
    Case("no picture any more", (PLAIN, ("-vn", *AAC)), 2),
]


def generated(case: Case, number: int) -> list[str]:
    size = case.size[min(number, len(case.size) - 1)]
    picture = f"testsrc2=s={size}:r={case.rate}"
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine={TONE_HZ}:r=48000", "-pix_fmt", "yuv420p"]


def test_r2_whatever_changes_plays_at_its_speed_and_pitch(tmp_path: Path) -> None:
    rows = []
    for case in CASES:
        folder = tmp_path / case.what.replace(" ", "-")
        each = case.seconds / len(case.runs)
        sessions = [
            stream(folder / str(n), *generated(case, n), *options, "-t", str(each))
            for n, options in enumerate(case.runs)
        ]
        made = record(folder / "made", *sessions)
        _, mp4, said = checked(made, case.seconds, case.what)
        assert [film.name for film in made.films] == [
            "index.mp4",
            *(f"index-{n}.mp4" for n in range(2, case.files + 1)),
        ]
        rows.append([case.what, str(case.files), mp4, said])
    section("media that changes", ["What", "MP4s", "They hold", "Said"], rows, "")


@pytest.mark.parametrize("what", [case.what for case in CASES if case.files == 2 and not case.what.startswith("no ")])
def test_r2_what_changes_within_one_publish_plays_at_its_speed_and_pitch(tmp_path: Path, what: str) -> None:
    """Amid a segment: a media server cuts none for it."""
    case = next(c for c in CASES if c.what == what)
    first = stream(tmp_path / "first", *generated(case, 0), *case.runs[0], "-t", "3")
    goes_on = ["-output_ts_offset", "3"]
    second = stream(tmp_path / "second", *generated(case, 1), *case.runs[1], "-t", "3", *goes_on)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first[-1].read_bytes() + second[0].read_bytes())
    made = record(tmp_path / "made", [*first[:-1], joined, *second[1:]])
    films = [played(film) for film in made.films]
    assert [film.complaint for film in films] == ["", ""]
    assert [film.duration_s for film in films] == pytest.approx([3, 3], abs=0.15)
    assert [film.pitch_hz for film in films] == pytest.approx([TONE_HZ, TONE_HZ], rel=PITCH)


JUMPS = [
    ("an hour ahead", 3600),
    ("to the time of day", 47_000),
    ("half a second back", -0.5),
    ("a second back", -1),
    ("three seconds back", -3),
]


@pytest.mark.parametrize(("what", "by_s"), JUMPS)
def test_r3_timestamps_that_jump_do_not_change_the_length(tmp_path: Path, what: str, by_s: float) -> None:
    """Within a segment, and between two."""
    case = Case(what, (PLAIN,))
    first = stream(tmp_path / "first", *generated(case, 0), *PLAIN, "-t", "3")
    moved = ["-output_ts_offset", str(3 + by_s), "-muxdelay", "0"]
    second = stream(tmp_path / "second", *generated(case, 0), *PLAIN, "-t", "3", *moved)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first[-1].read_bytes() + second[0].read_bytes())
    within = record(tmp_path / "within", [*first[:-1], joined, *second[1:]])
    checked(within, CLIP_S, what)
    between = record(tmp_path / "between", [*first, *second])
    checked(between, CLIP_S, what)
    for made in (within, between):
        assert made.playlist.read_text().count("#EXT-X-DISCONTINUITY") == 1, what


def test_r3_the_clock_of_a_transport_stream_wraps(tmp_path: Path) -> None:
    """33 bits at 90 kHz are 95,443.7 s, 26.5 h."""
    case = Case("the wrap", (PLAIN,))
    offset = ["-output_ts_offset", "95440.2", "-muxdelay", "0"]
    made = record(tmp_path / "made", stream(tmp_path / "ts", *generated(case, 0), *PLAIN, "-t", str(CLIP_S), *offset))
    checked(made, CLIP_S, case.what)
    assert "#EXT-X-DISCONTINUITY" not in made.playlist.read_text(), "the media runs on"


def test_r1_a_browser_plays_what_was_recorded(tmp_path: Path) -> None:
    """Each MP4 of a recording of two sizes, and one with B-frames, to its end."""
    cases = [case for case in CASES if case.what in ("another size", "B-frames")]
    films = []
    for case in cases:
        each = case.seconds / len(case.runs)
        folder = tmp_path / case.what.replace(" ", "-")
        sessions = [
            stream(folder / str(n), *generated(case, n), *options, "-t", str(each))
            for n, options in enumerate(case.runs)
        ]
        films += [(film, each) for film in record(folder / "made", *sessions).films]
    assert len(films) == 3
    page_file = tmp_path / "page.html"
    with a_browser() as browser:
        page = browser.new_page()
        for film, seconds in films:
            page_file.write_text(f'<video id="video" muted autoplay src="{film.as_uri()}"></video>')
            page.goto(page_file.as_uri())
            page.wait_for_function("video.ended || video.error", timeout=60_000)
            assert page.evaluate("video.error && video.error.message") is None, film
            assert page.evaluate("video.currentTime") == pytest.approx(seconds, rel=LENGTH), film
