"""The command line of a worker for what users name as an input, and the meters that judge it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.urls import plain_user
from edge.ffmpeg.workers.argv import FILE_FORMATS, build_argv
from edge.ffmpeg.workers.inputs import fast_speed, longest_run_s
from edge.ffmpeg.workers.progress import Progress, ProgressMeter, SpeedMeter
from edge.ffmpeg.workers.spec import Encode, ExtraOutput, Reading, WorkerSpec

OUT = "rtmp://a.example/app/key"
GOOD: dict[str, Any] = {
    "vcodec": "libx264",
    "vprofile": "main",
    "vpreset": "fast",
    "vbitrate": 800,
    "acodec": "aac",
    "abitrate": 64,
    "achannels": 1,
}


def argv(source: str, reading: Reading, **more: Any) -> list[str]:
    return build_argv("ffmpeg", WorkerSpec("d", source, OUT, reading=reading, **more))


def option(found: list[str], name: str) -> str:
    return found[found.index(name) + 1]


def test_a_file_is_looped_at_its_own_pace_and_can_open_nothing_else() -> None:
    found = argv("/data/vlive/x.mp4", Reading("file"))
    before = found[: found.index("-i")]
    assert "-re" in before
    assert option(before, "-stream_loop") == "-1"
    assert option(before, "-protocol_whitelist") == "file"
    assert option(before, "-format_whitelist") == FILE_FORMATS
    assert option(found, "-c") == "copy"
    assert "hls" not in FILE_FORMATS
    assert "concat" not in FILE_FORMATS


def test_a_file_that_is_played_once_is_not_looped() -> None:
    assert "-stream_loop" not in argv("/data/vlive/x.mp4", Reading("file", loop=False))


def test_s1_a_film_is_turned_by_us_alone_and_keeps_its_pace() -> None:
    encode = Encode(**GOOD | {"height": 720})
    found = argv("/data/vlive/x.mp4", Reading("file", turn=90), encode=encode)
    assert "-noautorotate" in found[: found.index("-i")]
    assert option(found, "-vf") == "transpose=clock,scale=-2:720"
    assert "-r" not in found
    assert option(argv("rtmp://127.0.0.1/live/x", Reading("live"), encode=encode), "-r") == "25"


def test_s2_only_the_sound_is_encoded() -> None:
    found = argv("rtsp://10.0.0.2/ch1", Reading("camera"), sound_as_aac=True)
    assert (option(found, "-c:v"), option(found, "-c:a")) == ("copy", "aac")


@pytest.mark.parametrize("kind", ["file", "playlist"])
def test_s6_a_cover_is_not_mapped(kind: Any) -> None:
    def mapped(reading: Reading) -> list[str]:
        found = argv("/data/vlive/x.mp3", reading)
        return [found[i + 1] for i, a in enumerate(found) if a == "-map"]

    assert mapped(Reading(kind)) == ["0:V:0?", "0:a:0?"]
    assert mapped(Reading(kind, sound_only=True)) == ["0:a:0"]


def test_a_playlist_is_read_by_the_concat_demuxer() -> None:
    before = argv("/data/vlive/lists/x.ffconcat", Reading("playlist"))
    assert option(before, "-f") == "concat"
    assert option(before, "-protocol_whitelist") == "file"
    assert "-re" in before


def test_a_stream_sets_its_own_pace() -> None:
    found = argv("https://h.example/x.m3u8", Reading("stream"))
    assert "-re" not in found
    assert "-stream_loop" not in found
    assert "file" not in option(found, "-protocol_whitelist").split(",")
    assert option(found, "-tls_verify") == "1"


def test_a_camera_is_read_over_tcp_and_silence_takes_the_place_of_its_sound() -> None:
    found = argv("rtsp://10.0.0.2/ch1", Reading("camera", silent_audio=True))
    assert option(found, "-rtsp_transport") == "tcp"
    assert option(found, "-fflags") == "nobuffer"
    assert "-re" not in found[: found.index("-i")], "it would stay behind by what came during the probe"
    assert found.count("-i") == 2
    assert "anullsrc=channel_layout=stereo:sample_rate=44100" in found
    assert [found[i + 1] for i, a in enumerate(found) if a == "-map"] == ["0:v:0", "1:a:0"]
    assert option(found, "-c:v") == "copy"
    assert option(found, "-b:a") == "20k"
    assert "-shortest" in found


def test_a_camera_with_sound_is_copied_whole() -> None:
    found = argv("rtsp://10.0.0.2/ch1", Reading("camera"))
    assert option(found, "-c") == "copy"
    assert found.count("-i") == 1


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("vlive/x.mp4", "file"),
        ("concat:/etc/passwd", "file"),
        ("-i", "playlist"),
        ("/etc/passwd", "stream"),
        ("file:///etc/passwd", "camera"),
        ("srt://h:1?mode=listener", "stream"),
        ("rtsp://h/a b", "camera"),
    ],
)
def test_other_inputs_are_refused_and_not_repeated(source: str, kind: Any) -> None:
    with pytest.raises(ValueError, match="input") as refusal:
        argv(source, Reading(kind))
    assert source not in str(refusal.value)


def test_a_transcode_has_what_was_asked_for_and_no_b_frames() -> None:
    found = argv("rtmp://127.0.0.1/live/x", Reading(), encode=Encode(**GOOD))
    wanted = {"-c:v": "libx264", "-profile:v": "main", "-preset": "fast", "-tune": "zerolatency", "-b:v": "800k"}
    wanted |= {"-r": "25", "-g": "50", "-bf": "0", "-c:a": "aac", "-b:a": "64k", "-ac": "1"}
    assert {name: option(found, name) for name in wanted} == wanted
    assert "-ac" not in argv("rtmp://127.0.0.1/live/x", Reading(), encode=Encode(**GOOD | {"achannels": 0}))


@pytest.mark.parametrize(
    "bad",
    [{"vcodec": "libx264 -y"}, {"vcodec": "rawvideo"}, {"vprofile": "x"}, {"vpreset": "placebo"}, {"achannels": 9}],
)
def test_encoders_come_from_a_list(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        argv("rtmp://127.0.0.1/live/x", Reading(), encode=Encode(**GOOD | bad))


def test_several_renditions_are_made_of_one_input() -> None:
    low = ExtraOutput("srt://a.example:9000?streamid=x", Encode(**GOOD | {"height": 360, "vbitrate": 300}))
    found = argv("rtmp://127.0.0.1/live/x", Reading(), encode=Encode(**GOOD), extra=(low,))
    assert found.count("-i") == 1
    assert option(found, "-rtmp_playpath") == "key"
    assert (option(found, "-srt_streamid"), found[-1]) == ("x", "srt://a.example:9000")
    assert option(found, "-vf") == "scale=-2:360"
    with pytest.raises(ValueError, match="output URL"):
        argv("rtmp://127.0.0.1/live/x", Reading(), extra=(ExtraOutput("/etc/passwd", Encode(**GOOD)),))


# user info ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("rtsp://h/x", "rtsp://h/x"),
        ("rtsp://u:p@h:554/x?y=1", "rtsp://u:p@h:554/x?y=1"),
        ("rtsp://u:p%40q@h/x", "rtsp://u:p%40q@h/x"),
        ("rtsp://u:p@q@h/x", "rtsp://u:p%40q@h/x"),
        ("rtsp://u:p#q@h/x", "rtsp://u:p%23q@h/x"),
        ("rtsp://u:p?q@h:554/x", "rtsp://u:p%3Fq@h:554/x"),
        ("rtsp://u:a:b@c@h/x?z=1", "rtsp://u:a%3Ab%40c@h/x?z=1"),
        ("srt://u:p@q@h:1?streamid=#!::r=a", "srt://u:p@q@h:1?streamid=#!::r=a"),
        ("rtmp://h/live/x@y", "rtmp://h/live/x@y"),
    ],
)
def test_raw_special_characters_in_user_info_are_encoded(url: str, plain: str) -> None:
    assert plain_user(url) == plain


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/%"), min_size=1, max_size=20))
def test_a_password_of_any_characters_reaches_the_camera(password: str) -> None:
    plain = urlsplit(plain_user(f"rtsp://admin:{password}@10.0.0.2:554/ch1"))
    assert (plain.hostname, plain.port, plain.path) == ("10.0.0.2", 554, "/ch1")
    assert unquote(plain.password or "") == password


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("90s", 90), ("1.5h", 5400), ("", None), ("x", None), ("10", None), ("0s", None)],
)
def test_a_url_may_bound_its_run(query: str, seconds: float | None) -> None:
    assert longest_run_s(f"rtmp://h/a/b?max-stream-duration={query}") == seconds


@pytest.mark.parametrize(
    ("query", "speed"), [("", 1.5), ("?abnormal-fast-speed=10", 10.0), ("?abnormal-fast-speed=x", 1.5)]
)
def test_a_url_may_allow_more_speed(query: str, speed: float) -> None:
    assert fast_speed(f"rtmp://h/a/b{query}") == speed


# meters ---------------------------------------------------------------------------------------------------------------


def test_silence_that_goes_on_is_no_progress() -> None:
    meter = ProgressMeter(0.0, by_frames=True)
    meter.add(Progress(1_000_000, 1, 25), 1.0)
    meter.add(Progress(9_000_000, 2, 25), 9.0)
    assert meter.last_advance == 1.0
    meter.add(Progress(9_500_000, 3, 26), 9.5)
    assert meter.last_advance == 9.5


@pytest.mark.parametrize(("rate", "wrong"), [(1.0, False), (1.4, False), (2.0, True), (0.3, True), (0.6, False)])
def test_a_wrong_speed_counts_when_it_lasts(rate: float, wrong: bool) -> None:
    meter = SpeedMeter(1.5)
    found = [meter.add(Progress(int(n * 0.5 * rate * 1e6), n), n * 0.5) for n in range(60)]
    assert any(found) is wrong
    assert not any(found[:30])


def test_the_burst_of_a_playlist_is_no_wrong_speed() -> None:
    meter = SpeedMeter(1.5)
    # Six seconds at once every six seconds, after a beginning of eighteen.
    found = [meter.add(Progress((18 + (n // 12) * 6) * 1_000_000, n), n * 0.5) for n in range(200)]
    assert not any(found)
