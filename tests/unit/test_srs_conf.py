"""The configuration of SRS: what it must say, and what may not be smuggled into it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.srs.srs_conf import HOOKS, InvalidSettingError, SrsSettings, hls_modes, render

SETTINGS = SrsSettings(run_dir="/srv/run", hls_dir="/srv/hls", agent_port=22080)


def directives(conf: str) -> list[str]:
    """The configuration without comments and layout."""
    return [line.strip() for line in conf.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_every_hook_goes_to_the_agent_by_address() -> None:
    lines = directives(render(SETTINGS))
    for action in HOOKS:
        assert f"{action} http://127.0.0.1:22080/hooks/{action};" in lines


def test_segments_are_never_overwritten_nor_deleted_by_srs() -> None:
    lines = directives(render(SETTINGS))
    assert "hls_ts_file [app]/[stream]-[seq]-[timestamp].ts;" in lines
    assert "hls_cleanup off;" in lines
    assert "hls_dispose 0;" in lines
    assert not any("forward" in line for line in lines)


def test_the_servers_that_need_no_password_are_on_loopback() -> None:
    lines = directives(render(replace(SETTINGS, api_port=22001, http_port=22002)))
    assert "listen 127.0.0.1:22001;" in lines
    assert "listen 127.0.0.1:22002;" in lines


def test_hls_durations_are_settings() -> None:
    assert "hls_fragment 2;" in directives(render(SETTINGS))
    assert "hls_window 60;" in directives(render(SETTINGS))
    lines = directives(render(replace(SETTINGS, hls_fragment_s=2, hls_window_s=16, count_hls_viewers=False)))
    assert {"hls_fragment 2;", "hls_window 16;", "hls_ctx off;"} <= set(lines)


@pytest.mark.parametrize(("fragment_s", "cut_s"), [(0.5, 10), (2, 10), (5, 10.5), (10, 21)])
def test_f3_short_segments_still_wait_for_keyframes_that_are_far_apart(fragment_s: float, cut_s: float) -> None:
    lines = dict(line.rstrip(";").split() for line in directives(hls_modes(fragment_s, 60, count_viewers=True)))
    assert float(lines["hls_aof_ratio"]) * fragment_s == pytest.approx(cut_s)


def test_f3_a_keyframe_that_comes_a_millisecond_early_still_ends_its_segment() -> None:
    lines = directives(render(SETTINGS))
    assert "hls_td_ratio 0.9;" in lines
    assert "hls_wait_keyframe on;" in lines


def test_what_may_change_while_srs_runs_can_be_a_file_of_its_own() -> None:
    lines = directives(render(replace(SETTINGS, hls_file="/srv/run/hls.conf")))
    assert "include /srv/run/hls.conf;" in lines
    assert not [line for line in lines if line.startswith(("hls_fragment", "hls_window", "hls_ctx"))]
    assert directives(hls_modes(10, 60, count_viewers=True)) == [
        "hls_fragment 10;",
        "hls_window 60;",
        "hls_ctx on;",
        "hls_aof_ratio 2.1;",
    ]
    with pytest.raises(InvalidSettingError, match="hls_file"):
        render(replace(SETTINGS, hls_file="/srv/x;y"))


def test_webrtc_and_srt_can_be_left_out() -> None:
    conf = render(replace(SETTINGS, rtc_port=None, srt_port=None))
    for section in ("rtc_server", "srt_server", "    rtc", "    srt"):
        assert re.search(rf"^{section} {{\n *enabled off;", conf, re.MULTILINE)


def test_ipv6_and_names_are_taken_where_srs_takes_them() -> None:
    conf = render(replace(SETTINGS, rtmp_ip="::1", rtc_candidate="edge-1.example.com", hook_ip="::1"))
    assert "listen [::1]:1935;" in directives(conf)
    assert "candidate edge-1.example.com;" in directives(conf)
    assert "on_hls http://[::1]:22080/hooks/on_hls;" in directives(conf)


@pytest.mark.parametrize(
    "change",
    [
        {"run_dir": "relative"},
        {"run_dir": ""},
        {"hls_dir": "/srv/h ls"},
        {"hls_dir": "/srv/hls; http_api { enabled off; }"},
        {"hls_dir": "/srv/hls\ndaemon on"},
        {"hls_dir": "/srv/../etc"},
        {"hls_dir": "/srv/[app]"},
        {"hls_dir": "/srv/$HOME"},
        {"log_file": "/x#y"},
        {"log_file": "x.log"},
        {"agent_port": 0},
        {"srt_port": 65536},
        {"hook_ip": "agent.example"},
        {"hook_ip": ""},
        {"rtmp_ip": "fe80::1%a;b"},
        {"rtc_candidate": "a b"},
        {"rtc_candidate": "a;"},
        {"rtc_candidate": ""},
        {"server_id": "a;b"},
        {"max_connections": 0},
        {"hls_fragment_s": 0.1},
        {"hls_fragment_s": 10, "hls_window_s": 5},
        {"hls_window_s": float("nan")},
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(InvalidSettingError, match=rf".*({'|'.join(change)}).*"):
        render(replace(SETTINGS, **change))  # type: ignore[arg-type]


TEXT = st.one_of(st.text(), st.text(alphabet="/a.;{}#[]$ \n\"'%*-", max_size=8), st.from_regex(r"/[a-z/.]{0,8}.?"))


@given(TEXT, TEXT, TEXT, TEXT, TEXT)
def test_no_value_adds_a_directive(run_dir: str, hls_dir: str, log_file: str, ip: str, candidate: str) -> None:
    plain = replace(SETTINGS, log_file="/srv/log", rtmp_ip="127.0.0.1")
    for change in (
        {"run_dir": run_dir},
        {"hls_dir": hls_dir},
        {"log_file": log_file or "/x"},
        {"rtmp_ip": ip or "::1"},
        {"rtc_candidate": candidate},
        {"server_id": candidate},
    ):
        try:
            conf = render(replace(plain, **change))  # type: ignore[arg-type]
        except InvalidSettingError:
            continue
        extra = 1 if change.get("server_id") else 0
        assert shape(conf) == [
            count + (extra if c == ";" else 0) for c, count in zip(";{}#", shape(render(plain)), strict=True)
        ]


def shape(conf: str) -> list[int]:
    return [conf.count(c) for c in ";{}#"]


def test_hooks_and_the_api_can_be_locked() -> None:
    locked = replace(SETTINGS, hook_secret="s-1_a", api_user="u", api_password="p-2")
    lines = directives(render(locked))
    for action in HOOKS:
        assert f"{action} http://127.0.0.1:22080/hooks/s-1_a/{action};" in lines
    assert not [line for line in lines if "/hooks/on_" in line], "also in the host of SRT's viewers"
    assert {"auth {", "username u;", "password p-2;"} <= set(lines)
    assert "auth {" not in directives(render(SETTINGS))
    assert "p-2" not in repr(locked)
    for bad in (
        replace(locked, hook_secret="x;y"), replace(locked, api_user="x y"), replace(locked, api_password="x\ny"),
    ):  # fmt: skip
        with pytest.raises(InvalidSettingError, match="may only hold"):
            render(bad)


def test_rtmp_listens_on_both_kinds_of_addresses_where_it_listens_on_all() -> None:
    assert "listen 1935 [::]:1935;" in directives(render(replace(SETTINGS, rtmp_ipv6=True)))
    assert "listen 127.0.0.1:1935;" in directives(render(replace(SETTINGS, rtmp_ipv6=True, rtmp_ip="127.0.0.1")))
    assert "listen 1935;" in directives(render(SETTINGS))
