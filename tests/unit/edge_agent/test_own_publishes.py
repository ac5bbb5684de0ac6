"""Pushes and sources whose target is the node that they run on: they need no secret of the user (N6)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.hooks import Hook
from chalicelib.wire.targets import parse_target
from edge.srs.own import OWN_PUSH, OwnPublishes, without_credential
from tests.unit.edge_agent.stories import in_outage, tell

from .edge_fakes import World

OWN = OwnPublishes("rtmp://127.0.0.1:1935", {"rtmp": 1936, "srt": 10080})


def hook_of(text: str) -> Hook:
    """The hook of a publish to a target, as the media server calls it."""
    target = parse_target(text)
    if target.scheme == "srt":
        fields = dict(f.split("=", 1) for f in target.server.query.partition("#!::")[2].partition("&")[0].split(","))
        app, _, stream = fields.pop("r").partition("?")[0].rpartition("/")
        return Hook(action="on_publish", app=app, stream=stream, param="&".join(f"{k}={v}" for k, v in fields.items()))
    app, _, more = target.app.partition("?")
    stream, _, query = target.key.partition("?")
    param = "&".join(filter(None, (more, query)))
    return Hook(action="on_publish", app=app, stream=stream, param=f"?{param}" if param else "")


@pytest.mark.parametrize(
    "target",
    [
        "rtmp://127.0.0.1/copy/x",
        "rtmp://127.0.0.1:1935/copy/x?secret=old",
        "rtmp://localhost:1936/copy/x?secret=old&a=b",
        "rtmp://LOCALHOST./copy/x",
        "rtmp://[::1]/copy/x",
        "rtmp://127.0.0.1/a/b/x",
        "rtmp://127.0.0.1/copy/直播?secret=old",
        "rtmp://127.0.0.1/copy?vhost=v/x",
        "srt://127.0.0.1:10080?streamid=#!::r=live/x,m=publish",
        "srt://127.0.0.1:10080?streamid=#!::r=live/x?secret=S,m=publish&latency=200",
    ],
)
def test_n6_a_target_on_this_node_gets_a_credential_for_its_stream(target: str) -> None:
    named = hook_of(target)
    assert OWN.names(target, named.app, named.stream)
    assert not OWN.names(target, named.app, "other")
    assert not OWN.names("rtmp://192.0.2.1/copy/x", "copy", "x"), "a target of elsewhere"
    opened = OWN.opened(target)
    hook = hook_of(opened)
    assert OWN.admits(hook)
    assert (hook.app, hook.stream) == (hook_of(target).app, hook_of(target).stream)
    assert not OWN.admits(hook.model_copy(update={"stream": "other"})), "it is for one stream"
    assert not OWN.admits(hook.model_copy(update={"app": "other"}))
    assert not OwnPublishes("rtmp://127.0.0.1:1935", {}).admits(hook), "and of one process"
    assert OWN_PUSH not in without_credential(hook.param)
    assert OWN.opened(target) == opened, "the same each time, so that no worker starts anew"


@pytest.mark.parametrize(
    "target",
    [
        "rtmp://a.rtmp.youtube.com/live2/key",
        "rtmp://127.0.0.1:1999/copy/x",
        "rtmps://127.0.0.1:1935/copy/x",
        "rtmp://192.0.2.1/copy/x",
        "rtmp://localhost.example/copy/x",
        "srt://127.0.0.1:10080?streamid=plain",
        "srt://127.0.0.1:10081?streamid=#!::r=live/x,m=publish",
        "nothing",
    ],
)
def test_n6_nobody_else_is_given_one(target: str) -> None:
    assert OWN.opened(target) == target


@given(st.text(max_size=60))
def test_n6_a_made_up_credential_admits_nobody(param: str) -> None:
    assert not OWN.admits(Hook(action="on_publish", app="live", stream="x", param=f"?{OWN_PUSH}={param}"))


@given(st.lists(st.tuples(st.sampled_from(["a", "secret", OWN_PUSH]), st.text("abc%=", max_size=5)), max_size=5))
def test_n6_nothing_else_of_the_query_is_lost(pairs: list[tuple[str, str]]) -> None:
    given_ = "&".join(f"{name}={value}" for name, value in pairs)
    kept = [pair for pair in parse_qsl(given_, keep_blank_values=True) if pair[0] != OWN_PUSH]
    assert parse_qsl(without_credential(f"?{given_}").removeprefix("?"), keep_blank_values=True) == kept


def test_n6_a_push_of_ours_is_admitted_and_the_credential_stays_here(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        hook = hook_of(w.agent.own_publishes.opened(f"{w.settings.srs_rtmp}/live/copy?secret=old"))
        assert (await w.hook("on_publish", "c1", "copy", param=hook.param)).body == b"0"
        (asked,) = w.cloud.published
        assert (asked["own"], asked["param"]) == (True, "?secret=old")
        await w.hook("on_publish", "c2", "stranger", param="?secret=old")
        assert not w.cloud.published[-1]["own"]

    tell(tmp_path, story)


def test_n6_a_push_of_ours_is_admitted_in_an_outage(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await in_outage(w)
        hook = hook_of(w.agent.own_publishes.opened(f"{w.settings.srs_rtmp}/live/copy?secret=old"))
        assert (await w.hook("on_publish", "c1", "copy", param=hook.param)).body == b"0"
        assert (await w.hook("on_publish", "c2", "other", param=hook.param)).body != b"0"

    tell(tmp_path, story)
