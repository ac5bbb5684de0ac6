"""The pure rules of the stand-in: names, notices, hooks, playlists, nginx's configuration; and how tools are found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import media
from infra.local.media import MediaSettings, plan_media_server
from infra.local.standin.clients import VHOST, Client, Slots, Stream, is_servable, split_name, stream_url
from infra.local.standin.hooks import Identity, Segment, hook_body, is_yes
from infra.local.standin.nginx_conf import render
from infra.local.standin.notices import parse_notice
from infra.local.standin.segments import Part, Playlist, parse_playlist
from infra.local.standin.settings import Settings, SettingsError
from infra.local.tools import MissingToolError, Nginx, find_ffmpeg, find_srs

SETTINGS = Settings(
    rtmp_port=22010,
    api_port=22011,
    http_port=22012,
    hook_url="http://127.0.0.1:22013/hooks",
    hls_dir=Path("/srv/hls"),
    work_dir=Path("/srv/work"),
    nginx="/usr/sbin/nginx",
    rtmp_module="/usr/lib/nginx/modules/ngx_rtmp_module.so",
)
SESSION = b"app=slot0&flashver=FMLE&swfurl=&tcurl=rtmp://h:1935/live&pageurl=&addr=10.0.0.1&clientid=7"


def test_the_query_of_a_publish_is_kept_raw_and_cannot_pose_as_nginxs_fields() -> None:
    body = SESSION + b"&call=publish&name=x&type=live&secret=a%20b&name=evil&app=evil&call=connect"
    notice = parse_notice("publish", body)
    assert (notice.name, notice.app, notice.client, notice.ip) == ("x", "slot0", "7", "10.0.0.1")
    assert notice.args == "secret=a%20b&name=evil&app=evil&call=connect"
    assert notice.tc_url == "rtmp://h:1935/live"


def test_an_empty_name_is_left_out_by_nginx() -> None:
    notice = parse_notice("publish_done", SESSION + b"&call=publish_done")
    assert (notice.name, notice.client, notice.args) == ("", "7", "")


def test_names_are_decoded_and_bytes_that_are_not_utf8_survive() -> None:
    notice = parse_notice("play", SESSION + b"&call=play&name=%E6%B5%81%26%FF&start=1&duration=0&reset=0")
    assert notice.name.encode("utf-8", "surrogateescape") == "流&".encode() + b"\xff"


def test_a_connect_has_no_number_yet() -> None:
    body = b"app=a/b&flashver=&swfurl=&tcurl=rtmp://h/a/b&pageurl=&addr=::1&epoch=5&call=connect&vhost=x"
    notice = parse_notice("connect", body)
    assert (notice.app, notice.client, notice.args) == ("a/b", "", "vhost=x")


@given(st.binary())
def test_any_body_is_parsed(body: bytes) -> None:
    for call in ("connect", "disconnect", "publish", "publish_done", "play", "play_done"):
        parse_notice(call, body)


@pytest.mark.parametrize(
    ("app", "name", "expected"),
    [
        ("live", "x", ("live", "x")),
        ("a/b", "c/d", ("a/b/c", "d")),
        ("live", "", ("live", "")),
        ("a", "/x", ("a/", "x")),
    ],
)
def test_all_before_the_last_slash_is_the_application(app: str, name: str, expected: tuple[str, str]) -> None:
    assert split_name(app, name) == expected


@pytest.mark.parametrize(
    ("app", "stream", "servable"),
    [
        ("live", "x", True),
        ("a/b", "流", True),
        ("live", "", False),
        ("", "x", False),
        ("live/..", "x", False),
        ("live", "..", False),
        ("live", "x..y", False),
        ("live//a", "x", False),
        ("live", "a\nb", False),
        ("live", "a\x00b", False),
        ("live", "x" * 300, False),
    ],
)
def test_names_that_are_no_files_are_not_served(app: str, stream: str, servable: bool) -> None:
    assert is_servable(app, stream) is servable


@given(st.text(), st.text())
def test_a_servable_name_stays_in_its_folder(app: str, stream: str) -> None:
    if is_servable(app, stream):
        assert Path("/root", app, stream).resolve().is_relative_to("/root")
        assert len(Path(app, stream).parts) == len([*app.split("/"), *stream.split("/")])


def test_srs_leaves_the_file_ending_out_of_a_streams_path() -> None:
    assert [stream_url("live", s) for s in ("x", "x.y", "x.y.z", ".x")] == ["/live/x", "/live/x", "/live/x.y", "/live/"]


def test_slots_are_kept_for_an_application_and_taken_from_idle_ones() -> None:
    slots = Slots(["s0", "s1"])
    assert slots.take("live", set()) == "s0"
    assert slots.take("push", set()) == "s1"
    assert slots.take("live", set()) == "s0"
    assert slots.take("third", {"s0", "s1"}) is None
    assert slots.take("third", {"s1"}) == "s0"
    assert (slots.app_of("s0"), slots.app_of("s1"), slots.app_of("s2")) == ("third", "push", "")


def client() -> Client:
    return Client("7", "slot0", "10.0.0.1", "rtmp://h:1935/live", "", app="live", stream="x", param="?a=b")


def test_hooks_have_srss_fields_in_srss_order() -> None:
    identity, segment = (
        Identity("vid-1", "srv"),
        Segment(2.004, "/srv", "/srv/a.ts", "a.ts", "/srv/a.m3u8", "a.m3u8", 3),
    )
    head = ["server_id", "service_id", "action", "client_id", "ip", "vhost", "app"]
    body = hook_body(identity, "on_hls", client(), "vid-2", segment)
    assert list(body)[:7] == head
    assert list(body)[7:] == [
        *["tcUrl", "stream", "param", "duration", "cwd", "file", "url", "m3u8", "m3u8_url", "seq_no"],
        *["stream_url", "stream_id"],
    ]
    assert (body["vhost"], body["duration"], body["seq_no"]) == (VHOST, 2.0, 3)
    assert list(hook_body(identity, "on_close", client()))[7:] == ["send_bytes", "recv_bytes"]
    assert list(hook_body(identity, "on_connect", client()))[7:] == ["stream", "param", "tcUrl", "pageUrl"]


@pytest.mark.parametrize(
    ("status", "body", "yes"),
    [
        (200, b"0", True),
        (201, b"0", True),
        (200, b'{"code":0}', True),
        (200, b'{"code":0,"data":{}}', True),
        (204, b"0", False),
        (302, b"0", False),
        (500, b"0", False),
        (200, b"", False),
        (200, b"{}", False),
        (200, b'{"code":"0"}', False),
        (200, b'{"code":false}', False),
        (200, b'{"code":0.0}', False),
        (200, b'{"code":1}', False),
        (200, b"ok", False),
        (200, b"0\n", False),
        (200, b"[0]", False),
        (200, b"\xff", False),
    ],
)
def test_only_srss_forms_of_yes_count(status: int, body: bytes, yes: bool) -> None:
    assert is_yes(status, body) is yes


def test_nginxs_playlist_is_read_for_what_is_finished() -> None:
    text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-DISCONTINUITY\n"
    text += "#EXTINF:2.000,\nx-4.ts\n#EXTINF:1.960,\na-b-1-5.ts\n"
    assert parse_playlist(text) == [Part(4, 2.0), Part(5, 1.96)]
    assert parse_playlist("") == []


def test_the_public_playlist_keeps_its_window_and_counts_what_left_it() -> None:
    playlist = Playlist(window_s=4)
    for number in range(5):
        playlist.add(f"x-{number}.ts", 2.0, discontinuity=number == 4)
    lines = playlist.render().splitlines()
    assert "#EXT-X-MEDIA-SEQUENCE:3" in lines
    assert "#EXT-X-TARGETDURATION:2" in lines
    assert lines[-5:] == [
        "#EXTINF:2.000, no desc",
        "x-3.ts",
        "#EXT-X-DISCONTINUITY",
        "#EXTINF:2.000, no desc",
        "x-4.ts",
    ]


def test_nginx_listens_on_loopback_and_never_logs_queries() -> None:
    conf = render(SETTINGS, 22014)
    assert "listen 127.0.0.1:22010;" in conf
    assert "listen 127.0.0.1:22012;" in conf
    assert "listen unix:/srv/work/control/nginx.sock;" in conf
    assert "on_publish http://127.0.0.1:22014/publish;" in conf
    assert "nginx.log warn;" in conf
    assert conf.count("access_log off;") == 2
    assert conf.count("{") == conf.count("}")


@pytest.mark.parametrize(
    ("ip", "lines"),
    [
        ("127.0.0.1", ["127.0.0.1:22010"]),
        ("::1", ["[::1]:22010 ipv6only=on"]),
        ("0.0.0.0", ["0.0.0.0:22010"]),
        ("::", ["0.0.0.0:22010", "[::]:22010 ipv6only=on"]),
    ],
)
def test_rtmp_on_all_addresses_is_ipv6_too(ip: str, lines: list[str]) -> None:
    conf = render(replace(SETTINGS, rtmp_ip=ip), 22014)
    assert re.findall(r"listen (\S+:22010[^;]*);", conf) == lines


@pytest.mark.parametrize(
    "change",
    [
        {"hls_dir": Path("/srv/h ls")},
        {"hls_dir": Path("relative")},
        {"work_dir": Path("/srv/x;y")},
        {"work_dir": Path("/srv/../x")},
        {"work_dir": Path("/" + "x" * 120)},
        {"rtmp_ip": "a;b"},
        {"hook_url": "ftp://x"},
    ],
)
def test_what_could_break_out_of_nginxs_configuration_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(change))):
        replace(SETTINGS, **change)  # type: ignore[arg-type]


def test_streams_have_ids_of_their_own() -> None:
    assert Stream("live", "x").id != Stream("live", "x").id


def test_a_variable_that_names_no_program_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="SRS_BIN names no program"):
        find_srs({"SRS_BIN": str(tmp_path), "PATH": "/usr/bin"})
    with pytest.raises(MissingToolError, match="FFMPEG_BIN names no program"):
        find_ffmpeg({"FFMPEG_BIN": "/none"})


def program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_tool_says_where_it_comes_from(tmp_path: Path) -> None:
    chosen = program(tmp_path / "my-ffmpeg", "ffmpeg version 7.1-x Copyright")
    tool = find_ffmpeg({"FFMPEG_BIN": str(chosen)})
    assert str(tool) == f"ffmpeg 7.1-x: {chosen} (FFMPEG_BIN)"
    program(tmp_path / "srs", "6.0.157")
    found = find_srs({"PATH": str(tmp_path)})
    assert found is not None
    assert (found.version, found.why) == ("6.0.157", "on the path")
    assert find_srs({"PATH": "/nowhere"}) is None


def test_srs_is_preferred_and_gets_its_configuration(tmp_path: Path) -> None:
    srs = program(tmp_path / "srs", "6.0.157")
    settings = MediaSettings(agent_port=22015, hls_dir=tmp_path / "hls", work_dir=tmp_path / "work")
    plan = plan_media_server(settings, {"SRS_BIN": str(srs), "PATH": "/nowhere"})
    assert (plan.kind, plan.argv) == ("srs", [str(srs), "-c", str(tmp_path / "work" / "srs.conf")])
    assert plan.log_line == f"media server: SRS 6.0.157, {srs}, because of SRS_BIN"
    assert "on_hls http://127.0.0.1:22015/hooks/on_hls;" in (tmp_path / "work" / "srs.conf").read_text()
    assert (tmp_path / "hls").is_dir()


@pytest.mark.parametrize(
    ("bind", "six", "ip"), [("", True, "::"), ("", False, "0.0.0.0"), ("127.0.0.1", True, "127.0.0.1")]
)
def test_the_stand_in_takes_rtmp_on_ipv6_where_there_is_any(
    bind: str, six: bool, ip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "has_ipv6", lambda: six)
    monkeypatch.setattr(media, "find_nginx", lambda _: Nginx("nginx", "/n", "x", "1.22", "/m"))
    settings = MediaSettings(agent_port=22015, hls_dir=tmp_path / "hls", work_dir=tmp_path / "work", rtmp_ip=bind)
    argv = plan_media_server(settings, {"PATH": "/nowhere"}).argv
    assert argv[argv.index("--rtmp-ip") + 1] == ip


def test_docker_comes_after_a_program_and_only_if_its_engine_answers(tmp_path: Path) -> None:
    program(tmp_path / "docker", "26.1")
    settings = MediaSettings(agent_port=22015, hls_dir=tmp_path / "hls", work_dir=tmp_path / "work")
    plan = plan_media_server(settings, {"PATH": str(tmp_path)})
    assert plan.kind == "srs"
    assert plan.argv[1:3] == ["run", "--rm"]
    assert f"{tmp_path / 'hls'}:{tmp_path / 'hls'}" in plan.argv


def test_bodies_of_hooks_can_be_sent_whatever_the_names_hold() -> None:
    body = hook_body(Identity("a", "b"), "on_publish", replace(client(), stream="x\udcff"))
    assert json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape")
