"""The joined stream of a slated target: tags, turns, times, command lines, and who may read it."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.push.slate import relay as relay_module
from edge.push.slate.argv import CARD, Shape, live_argv, slate_argv
from edge.push.slate.flv import AUDIO, SCRIPT, VIDEO, FlvError, Parser, Tag, encode, header
from edge.push.slate.joiner import Joiner
from edge.push.slate.relay import LIVE, SLATE, Relay
from edge.push.slate.relays import Relays, Wanted
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer
from tests.unit.edge_agent.edge_fakes import until
from tests.unit.edge_agent.fake_servers import HOST

AVC = bytes([0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 1, 2, 3, 1, 0, 3, 0x68, 4, 5])
"""A sequence header with one SPS of four bytes, one PPS of three, and lengths of four bytes."""
AVC_2 = AVC[:-1] + b"\x06"
SETS = b"\0\0\0\4\x67\1\2\3" + b"\0\0\0\3\x68\4\5"
AAC = bytes([0xAF, 0, 0x12, 0x10])


def key(at: int, mark: int = 0) -> Tag:
    return Tag(VIDEO, at, bytes([0x17, 1, 0, 0, 0, mark]))


def inter(at: int) -> Tag:
    return Tag(VIDEO, at, bytes([0x27, 1, 0, 0, 0, 9]))


def sound(at: int) -> Tag:
    return Tag(AUDIO, at, bytes([0xAF, 1, 7]))


# tags


@given(
    st.lists(st.tuples(st.sampled_from([AUDIO, VIDEO, SCRIPT]), st.integers(0, 2**32 - 1), st.binary(max_size=50))),
    st.integers(1, 40),
)
def test_tags_survive_the_way_in_pieces_of_any_size(items: list[tuple[int, int, bytes]], size: int) -> None:
    tags = [Tag(*item) for item in items]
    data = header() + b"".join(map(encode, tags))
    parser, found = Parser(), []
    for at in range(0, len(data), size):
        found += parser.feed(data[at : at + size])
    assert found == tags


@given(st.binary(max_size=200))
def test_whatever_comes_is_tags_or_an_error_of_one_kind(data: bytes) -> None:
    try:
        Parser().feed(data)
    except FlvError:
        assert data[:3] != b"FLV" or len(data) > 13


def test_what_a_decoder_can_begin_with() -> None:
    assert Tag(VIDEO, 0, AVC).is_config
    assert Tag(AUDIO, 0, AAC).is_config
    assert not key(0).is_config
    assert not sound(0).is_config
    assert key(0).is_keyframe
    assert not inter(0).is_keyframe
    assert not Tag(VIDEO, 0, AVC).is_keyframe
    assert not Tag(VIDEO, 0, b"").is_keyframe
    assert Tag(VIDEO, 0, b"\x90hvc1").is_config
    assert Tag(VIDEO, 0, b"\x91hvc1").is_keyframe


def test_a_keyframe_carries_the_parameter_sets_of_its_header() -> None:
    assert key(0, 5).with_parameters(Tag(VIDEO, 0, AVC)).body == key(0).body[:5] + SETS + b"\5"
    assert inter(0).with_parameters(Tag(VIDEO, 0, AVC)) == inter(0)
    for broken in (AVC[:-1], AVC[:12], b"\x17\0", b"\x90hvc1"):
        assert key(0).with_parameters(Tag(VIDEO, 0, broken)) == key(0)


# turns


class Story:
    """A joiner that is told things, and what went out."""

    def __init__(self) -> None:
        self.joiner = Joiner()
        self.out: list[Tag] = []

    def give(self, name: str, *tags: Tag) -> None:
        for tag in tags:
            self.out += self.joiner.take(name, tag)

    @property
    def times(self) -> list[int]:
        return [tag.at for tag in self.out if not tag.is_config]


CONFIG = (Tag(VIDEO, 0, AVC), Tag(AUDIO, 0, AAC))
CONFIG_2 = (Tag(VIDEO, 0, AVC_2), Tag(AUDIO, 0, AAC))


def test_a_turn_begins_with_headers_and_a_keyframe_and_times_go_on() -> None:
    story = Story()
    story.joiner.want(LIVE)
    story.give(LIVE, Tag(SCRIPT, 0, b"meta"), *CONFIG, sound(900), inter(960), key(1000), sound(1010), inter(1040))
    assert [t.is_config for t in story.out] == [True, True, False, False, False]
    assert story.times == [0, 10, 40]
    story.joiner.want(SLATE)
    story.give(SLATE, *CONFIG_2, sound(3), inter(7))
    story.give(LIVE, sound(1050))
    story.give(SLATE, key(40), sound(50))
    story.give(LIVE, key(1080), sound(1090))
    story.joiner.want(LIVE)
    story.give(SLATE, inter(80))
    story.give(LIVE, inter(5000), key(5040))
    assert story.times == [0, 10, 40, 50, 90, 100, 130, 170]
    headers = [t.body for t in story.out if t.is_config and t.kind == VIDEO]
    assert headers == [AVC, AVC_2, AVC]


def test_sound_alone_needs_no_keyframe() -> None:
    story = Story()
    story.joiner.want(LIVE)
    story.give(LIVE, Tag(AUDIO, 0, AAC), sound(500), sound(523))
    assert story.times == [0, 23]


def test_a_source_that_begins_anew_is_not_taken_for_the_old_one() -> None:
    story = Story()
    story.joiner.want(LIVE)
    story.give(LIVE, *CONFIG, key(100_000), inter(100_040))
    story.joiner.forget(LIVE)
    story.give(LIVE, inter(0))
    story.give(LIVE, *CONFIG_2, key(40), inter(80))
    assert story.times == [0, 40, 80, 120]


def test_a_source_whose_clock_jumps_does_not_take_the_target_along() -> None:
    story = Story()
    story.joiner.want(LIVE)
    story.give(LIVE, *CONFIG, key(0), inter(40), inter(90_000), inter(90_040), inter(5), inter(45))
    assert story.times == [0, 40, 80, 120, 160, 200]


@given(st.lists(st.tuples(st.sampled_from([LIVE, SLATE]), st.sampled_from("kisCwf"), st.integers(0, 500)), max_size=80))
def test_times_never_go_far_back_and_every_turn_begins_with_a_header(moves: list[tuple[str, str, int]]) -> None:
    story = Story()
    clock = {LIVE: 0, SLATE: 0}
    for name, move, step in moves:
        clock[name] += step
        at = clock[name]
        match move:
            case "w":
                story.joiner.want(name)
            case "f":
                story.joiner.forget(name)
                clock[name] = 0
            case "C":
                story.give(name, Tag(VIDEO, at, AVC), Tag(AUDIO, at, AAC))
            case _:
                story.give(name, {"k": key, "i": inter, "s": sound}[move](at))
    assert all(b >= a for a, b in itertools.pairwise(story.times))
    assert not story.out or story.out[0].is_config or story.out[0].kind == AUDIO or story.out[0].is_keyframe


# command lines


@pytest.mark.parametrize(
    ("video", "audio", "shape"),
    [
        ("H264 640x360", "AAC 44100/1", Shape(640, 360, 44100, 1)),
        ("H264 641x361", "AAC 48000/6", Shape(640, 360, 48000, 2)),
        ("HEVC", None, Shape()),
        (None, "MP3", Shape()),
        ("H264 99999x99999", "AAC 44100/0", Shape(3840, 3840, 44100, 1)),
    ],
)
def test_the_slate_looks_like_what_was_live(video: str | None, audio: str | None, shape: Shape) -> None:
    assert Shape.of(video, audio) == shape


def test_an_image_is_held_and_a_clip_is_repeated() -> None:
    image = slate_argv("ffmpeg", Path("/d/100%.png"), Shape(), has_sound=False)
    assert image[image.index("-pattern_type") + 1] == "none"
    assert "anullsrc=r=44100:cl=stereo" in image
    clip = slate_argv("ffmpeg", Path("/d/x.mp4"), Shape(channels=1), has_sound=True)
    assert "-stream_loop" in clip
    assert "lavfi" not in clip
    assert "anullsrc=r=44100:cl=mono" in slate_argv("ffmpeg", Path("/d/x.mp4"), Shape(channels=1), has_sound=False)
    for argv in (image, clip, live_argv("ffmpeg", "rtmp://127.0.0.1/live/x")):
        assert argv[-1] == "pipe:1"
        assert "-protocol_whitelist" in argv
    with pytest.raises(ValueError, match="absolute"):
        slate_argv("ffmpeg", Path("x.png"), Shape(), has_sound=False)
    assert CARD.read_bytes().startswith(b"\x89PNG")


# the whole, with programs that only write tags

TAGS = """
import struct, sys, time
def put(kind, at, body):
    size = len(body)
    head = bytes([kind]) + size.to_bytes(3, "big") + (at & 0xFFFFFF).to_bytes(3, "big") + b"\\0" * 4
    sys.stdout.buffer.write(head + body)
    sys.stdout.buffer.write(struct.pack(">I", 11 + size)); sys.stdout.buffer.flush()
sys.stdout.buffer.write(b"FLV\\1\\5\\0\\0\\0\\x09\\0\\0\\0\\0")
put(9, 0, bytes.fromhex("%s"))
at = 0
while True:
    put(9, at, bytes([0x17, 1, 0, 0, 0, %d])); at += 40; time.sleep(0.01)
"""


def fake_ffmpeg(folder: Path) -> str:
    """Writes pictures with the mark 1 when it copies, and 2 when it encodes."""
    path = folder / "ffmpeg"
    python = shutil.which("python3") or "python3"
    code = {mark: folder / f"{mark}.py" for mark in (1, 2)}
    for mark, file in code.items():
        file.write_text(TAGS % (AVC.hex(), mark))
    path.write_text(f'#!/bin/sh\ncase "$*" in *libx264*) exec {python} {code[2]};; *) exec {python} {code[1]};; esac\n')
    path.chmod(0o755)
    return str(path)


def marks(tags: Iterable[Tag]) -> list[int]:
    return [k for k, _ in itertools.groupby(tag.body[-1] for tag in tags if tag.is_keyframe)]


def test_one_reader_sees_the_live_picture_the_slate_and_the_live_picture_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_TICK_S", 0.02)
    monkeypatch.setattr(relay_module, "_RESTART_S", 0.05)

    async def go() -> None:
        relays = Relays(fake_ffmpeg(tmp_path), lambda: (HOST, port), lambda _: None)
        server = LocalServer(new_app(relays.routes()))
        port = await server.start(HOST, 0)
        relays.apply({"d:1": Wanted("rtmp://127.0.0.1/live/x", None)})
        url = relays.url("d:1")
        tags: list[Tag] = []

        async def read() -> None:
            parser = Parser()
            async with httpx.AsyncClient(trust_env=False) as http, http.stream("GET", url, timeout=30) as answer:
                assert answer.headers["content-type"] == "video/x-flv"
                async for data in answer.aiter_bytes():
                    tags.extend(parser.feed(data))

        reader = asyncio.create_task(read())
        await until(lambda: marks(tags) == [1])
        assert not relays.on_slate("d:1")
        relays.apply({"d:1": Wanted(None, None)})
        await until(lambda: marks(tags) == [1, 2])
        assert relays.on_slate("d:1")
        relays.apply({"d:1": Wanted("rtmp://127.0.0.1/live/y", None)})
        await until(lambda: marks(tags) == [1, 2, 1])
        assert relays.url("d:1") == url
        times = [tag.at for tag in tags]
        assert times == sorted(times)
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(url[:-3] + "xxx")).status_code == 404
        relays.apply({})
        await reader
        assert not relays.on_slate("d:1")
        await relays.close()
        await server.close()

    run(go)


def test_a_missing_file_is_told_and_the_card_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        relays = Relays(fake_ffmpeg(tmp_path), lambda: (HOST, 1), lambda _: None)
        relays.apply({"d:1": Wanted(None, None, file="upload/x.png")})
        await asyncio.sleep(0)
        await relays.close()

    with caplog.at_level("ERROR", "sluice.slate"):
        run(go)
    assert "slate.file_missing" in caplog.text


def test_no_program_is_left(tmp_path: Path) -> None:
    async def go() -> None:
        relay = Relay(fake_ffmpeg(tmp_path), CARD)
        task = asyncio.create_task(relay.run())
        relay.follow("rtmp://127.0.0.1/live/x")
        await until(lambda: LIVE in relay._tasks)
        await asyncio.sleep(random.random() / 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert relay._tasks == {}

    run(go)


def run(story: Callable[[], Any]) -> None:
    asyncio.run(story())
