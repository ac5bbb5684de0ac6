"""Sources: what may be played, where it runs, and that no two workers ever have one target."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import inputs
from chalicelib.domain import sources as rules
from chalicelib.domain.errors import InvalidInputError
from chalicelib.wire.sources import Probed, SourceAudio, SourceVideo
from chalicelib.wire.urls import parse_url, plain_user
from tests.unit.source_rig import NOW, UUID, file, live, probed, source

# what may be played ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://h/live/x",
        "rtsp://admin:p@ss#w?rd@10.0.0.2:554/ch1",
        "rtsp://admin:p/ss@10.0.0.2/ch1",
        "srt://h:10080?streamid=#!::r=live/x,m=request",
        "https://h/x.m3u8?token=1",
        "http://h:8080/live/x.flv",
    ],
)
def test_streams_are_taken_as_they_are(url: str) -> None:
    assert rules.check_input_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("concat:/etc/passwd", "must start with"),
        ("http://h/film.mp4", "an http"),
        ("rtmp:///live/x", "names no host"),
        ("rtsp://admin:secret@/x", "names no host"),
        ("rtmp://h/live x", "spaces"),
        ("rtmp://h/" + "x" * 2000, "2,000"),
    ],
)
def test_other_urls_are_refused_and_not_repeated(url: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        rules.check_input_url(url)
    assert "secret" not in str(refusal.value)


ANY = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=14)


@given(ANY.filter(lambda user: user and ":" not in user), ANY)
def test_s3_user_and_password_are_fields_of_their_own_and_hold_anything(user: str, password: str) -> None:
    url = rules.with_user("http://10.0.0.2:8080/x.flv?a=1", user, password)
    assert rules.check_input_url(url) == url
    assert plain_user(url) == url, "it is not encoded twice"
    read = parse_url(url, ["http"], user_info=True)
    assert (read.host, read.port, read.path) == ("10.0.0.2", 8080, "/x.flv")
    assert [unquote(part) for part in read.user_info.split(":")] == [user, password]


@pytest.mark.parametrize(
    ("url", "user", "password", "reason"),
    [
        ("rtsp://h/1", "", "secret", "must not be empty"),
        ("rtsp://a:b@h/1", "admin", "secret", "give it once"),
        ("rtsp://a:b/c@h/1", "admin", "secret", "give it once"),
        ("rtmp://h/live/x", "admin", "secret", "is for rtsp"),
        ("srt://h:1", "admin", "secret", "is for rtsp"),
        ("rtsp://h/1", "ad:min", "secret", "colon"),
        ("rtsp://h/1", "admin", "secret\n", "control"),
        ("rtsp://h/1", "admin", "?" * 50 + "secret", "127 bytes"),
    ],
)
def test_s3_what_can_not_be_sent_is_said(url: str, user: str, password: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        rules.with_user(url, user, password)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["rtsp://admin:p/s?s#secret@h/1", "rtsp://admin:secret@h:x/1"])
def test_s3_a_url_that_can_not_be_read_says_how_users_are_written(url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"%2F.*fields user and password") as refusal:
        rules.check_input_url(url)
    assert "secret" not in str(refusal.value)


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_a_clear_error(text: str) -> None:
    with suppress(InvalidInputError):
        assert rules.check_input_url(text) == text.strip()


@pytest.mark.parametrize(
    ("url", "name"),
    [("rtmp://h/live/x", "x"), ("rtmp://h", "."), ("http://h/a/b.m3u8?t=1", "b.m3u8"), ("rtsp://h/", ".")],
)
def test_a_stream_is_named_by_the_last_element_of_its_path(url: str, name: str) -> None:
    assert inputs.url_name(url) == name


@given(st.text(max_size=50))
def test_only_our_own_uuids_pass(text: str) -> None:
    assert not rules.is_uuid(text)
    assert rules.is_uuid(UUID)
    assert not rules.is_uuid(UUID.upper())
    assert not rules.is_uuid(UUID.replace("-4bd8-", "-1bd8-"))


def test_what_was_found_is_kept() -> None:
    good = inputs.check_probed(file(), probed(), 5000, camera=False)
    assert good.size == 9
    assert good.video is not None
    assert good.video.codec_name == "h264"


@pytest.mark.parametrize(
    ("found", "changes", "reason"),
    [
        (Probed(error="FFmpeg knows no format for it"), {}, "film.mp4: FFmpeg knows no format"),
        (probed(None, None), {}, "neither picture nor sound"),
        (probed(None, "aac"), {}, "has no picture"),
        (probed(bit_rate="6000000"), {}, "6000 kbps, and the limit is 5000"),
        (probed("vp9"), {}, "holds vp9"),
        (probed("h264", "opus"), {}, "holds opus"),
    ],
)
def test_what_cannot_be_played_is_named(found: Probed, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        inputs.check_probed(file(**changes), found, 5000, camera=False)


def test_hevc_passes_whatever_ffprobe_calls_it() -> None:
    for name in ("hevc", "h265"):
        inputs.check_probed(file(), probed(name), 5000, camera=False)


def test_sound_alone_passes_under_a_name_that_says_so() -> None:
    inputs.check_probed(file(target=f"vlive/{UUID}.mp3"), probed(None, "mp3"), 5000, camera=False)


def test_a_camera_may_have_any_codec_and_an_unknown_bitrate_passes() -> None:
    camera = file(type="stream", target="rtsp://u:secret@h/1")
    inputs.check_probed(camera, probed("h264", "pcm_mulaw", ""), 5000, camera=True)
    with pytest.raises(InvalidInputError) as refusal:
        inputs.check_probed(camera, Probed(error="it does not answer"), 5000, camera=True)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "codec", "version", "fits"),
    [
        ("rtmp://t/a/b", "h264", "5.1.9", True),
        ("rtmp://t/a/b", "hevc", "5.1.9-0+deb12u1", False),
        ("rtmp://t/a/b", "hevc", "6.1", True),
        ("rtmp://t/a/b", "hevc", "n9.0.2-17", True),
        ("rtmp://t/a/b", "hevc", "N-118000-g1", True),
        ("srt://t:1", "hevc", "5.1.9", True),
        ("rtmp://t/a/b", "mjpeg", "7.0", False),
        ("srt://t:1", "mjpeg", "7.0", False),
    ],
)
def test_what_is_copied_must_fit_the_container(url: str, codec: str, version: str, fits: bool) -> None:
    found = [file(video=SourceVideo(codec_name=codec))]
    if fits:
        inputs.check_container(url, found, version, silent_audio=False)
    else:
        with pytest.raises(InvalidInputError, match=codec):
            inputs.check_container(url, found, version, silent_audio=False)


def test_sound_that_is_replaced_by_silence_need_not_fit() -> None:
    found = [file(video=SourceVideo(codec_name="h264"), audio=SourceAudio(codec_name="pcm_s16le"))]
    inputs.check_container("rtmp://t/a/b", found, "5.1", silent_audio=True)
    with pytest.raises(InvalidInputError, match="pcm_s16le"):
        inputs.check_container("rtmp://t/a/b", found, "5.1", silent_audio=False)


def test_a_playlist_needs_files_that_are_encoded_alike() -> None:
    first = file(video=SourceVideo(codec_name="h264", width=640, height=360))
    inputs.check_playlist([first, first])
    with pytest.raises(InvalidInputError, match="picture size"):
        inputs.check_playlist([first, file(video=SourceVideo(codec_name="h264", width=1280, height=720))])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_s1_a_film_that_lies_on_its_side_is_encoded_upright(turn: int) -> None:
    video = SourceVideo(codec_name="hevc" if turn else "h264", rotation=turn, bit_rate="17000000")
    told = rules.desired(source(inputs=[file(video=video)]), 1, None)
    assert told.turn == turn
    assert (told.encoding is not None) == bool(turn)
    if told.encoding is not None:
        assert told.encoding.vbitrate == 8000
        inputs.check_container("rtmp://t/a/b", [file(video=video)], "5.1", silent_audio=False)
        with pytest.raises(InvalidInputError, match=r"lies on its side.*libx264"):
            inputs.check_encoders([file(video=video)], ["encoder libx264"])
    inputs.check_encoders([file(video=SourceVideo(codec_name="h264"))], ["encoder libx264"])


def test_s1_what_is_turned_by_no_quarter_is_said_before_the_start() -> None:
    odd = probed().model_copy(update={"video": SourceVideo(codec_name="h264", rotation=45)})
    with pytest.raises(InvalidInputError, match="45 degrees"):
        inputs.check_probed(file(), odd, 5000, camera=False)
    turned = file(video=SourceVideo(codec_name="h264", rotation=90))
    with pytest.raises(InvalidInputError, match="rotation"):
        inputs.check_playlist([turned, file(video=SourceVideo(codec_name="h264"))])


@pytest.mark.parametrize(
    ("codec", "as_aac"), [("pcm_alaw", True), ("pcm_mulaw", True), ("opus", True), ("aac", False), ("mp3", False)]
)
@pytest.mark.parametrize("kind", ["camera", "stream"])
def test_s2_sound_that_platforms_do_not_take_goes_out_as_aac(codec: str, as_aac: bool, kind: str) -> None:
    found = probed(audio=codec)
    read = inputs.check_probed(file(type="stream", target="rtsp://h/1"), found, 5000, camera=kind == "camera")
    assert rules.desired(source(kind=kind, inputs=[read]), 1, None).sound_as_aac == as_aac
    assert not rules.desired(source(kind=kind, inputs=[read], silent_audio=True), 1, None).sound_as_aac
    inputs.check_container("rtmp://t/a/b", [read], "5.1", silent_audio=False)
    if as_aac:
        with pytest.raises(InvalidInputError, match="sound that targets do not take"):
            inputs.check_encoders([read], ["encoder aac"])


def test_s6_a_song_is_sound_alone() -> None:
    assert rules.desired(source(inputs=[file(audio=SourceAudio(codec_name="mp3"))]), 1, None).sound_only
    assert not rules.desired(source(inputs=[file(video=SourceVideo(codec_name="h264"))]), 1, None).sound_only


# where it runs --------------------------------------------------------------------------------------------------------


def test_a_file_runs_on_its_node_and_only_when_it_can() -> None:
    assert rules.place(source(), []) == rules.Place("n1")
    stops: list[dict[str, Any]] = [{"enabled": False}, {"url": ""}, {"inputs": []}, {"node": None}]
    for changes in stops:
        assert rules.place(source(**changes), []) is None


def test_a_transcode_follows_what_was_published_last_and_never_its_own_output() -> None:
    own = source(kind="transcode", node=None, url="rtmp://127.0.0.1/live/out?secret=x")
    found = rules.place(own, [live("a", since=1), live("b", since=2, node="n2"), live("out", since=3)])
    assert found == rules.Place("n2", "S-b")
    assert rules.place(own, [live("out")]) is None


def test_a_transcode_whose_target_changed_does_not_read_what_it_just_wrote() -> None:
    old = source(kind="transcode", node=None, url="rtmp://127.0.0.1/live/out")
    lease = rules.grant(old, None, rules.Place("n1", "S-a"), NOW.replace(second=10))
    assert lease is not None
    lease = lease.model_copy(update={"held": False, "released_at": NOW.replace(second=30)})
    new = source(kind="transcode", node=None, url="rtmp://elsewhere.example/live/x")
    assert rules.place(new, [live("a", since=1), live("out", since=12)], lease) == rules.Place("n1", "S-a")
    assert rules.place(new, [live("a", since=1), live("out", since=40)], lease) == rules.Place("n1", "S-out")


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.sampled_from(["n1", "n2", None]))
def test_a_granted_place_fits_as_long_as_nothing_changes(names: list[str], node: str | None) -> None:
    sessions = [live(n, since=i, node="n1" if i % 2 else "n2") for i, n in enumerate(names)]
    wanted = source(kind="transcode", node=node, url="rtmp://t/live/a")
    where = rules.place(wanted, sessions)
    if where is None:
        return
    lease = rules.grant(wanted, None, where, NOW)
    assert lease is not None
    assert rules.still_fits(wanted, lease, sessions)
    # A newer stream does not interrupt it; the end of its own does.
    assert rules.still_fits(wanted, lease, [*sessions, live("newer", since=59)])
    assert not rules.still_fits(wanted, lease, [s for s in sessions if s.session != where.session])


def test_a_lease_is_granted_once_and_its_fence_grows() -> None:
    first = rules.grant(source(), None, rules.Place("n1"), NOW)
    assert first is not None
    assert rules.grant(source(), first, rules.Place("n2"), NOW) is None
    second = rules.grant(source(), first.model_copy(update={"held": False}), rules.Place("n2"), NOW)
    assert second is not None
    assert second.fence == first.fence + 1


def test_another_target_or_node_is_another_lease() -> None:
    lease = rules.grant(source(), None, rules.Place("n1"), NOW)
    assert lease is not None
    assert rules.still_fits(source(), lease, [])
    assert rules.still_fits(source(restarts=4, loop=False), lease, [])
    assert not rules.still_fits(source(url="rtmp://t.example/a/other"), lease, [])
    assert not rules.still_fits(source(node="n2"), lease, [])
