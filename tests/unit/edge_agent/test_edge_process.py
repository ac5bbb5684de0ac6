"""`python -m edge` as a process: settings, signals, SIGKILL."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.base.errors import ConfigError
from edge.base.loopback import met_at
from edge.config import load, needs_restart, place
from tests.unit.edge_agent.edge_fakes import World, until, world
from tests.unit.edge_agent.fake_servers import JOIN

ROOT = Path(__file__).parents[3]
MINIMAL = {"SLUICE_CLOUD_URL": "http://127.0.0.1:1/", "SLUICE_AGENT_DIR": "a", "SLUICE_HLS_DIR": "h"}


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        load({"SLUICE_HOOK_LISTEN": "nonsense", "SLUICE_MEDIA_KIND": "vlc", "SLUICE_CLOUD_URL": "ftp://x"})
    text = str(error.value)
    for name in ("HOOK_LISTEN", "MEDIA_KIND", "CLOUD_URL", "AGENT_DIR", "HLS_DIR"):
        assert f"SLUICE_{name}" in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8085", ("127.0.0.1", 8085)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8085", ("::1", 8085)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_where_to_listen_may_be_ipv6_in_brackets(text: str, found: tuple[str, int]) -> None:
    settings = load({**MINIMAL, "SLUICE_HOOK_LISTEN": text})
    assert settings.hook_listen == found
    assert place(found) == text


@pytest.mark.parametrize("text", [
    "::1", "::1:8085", "[::1]", "[::1]8085", "[::1:8085", "::1]:8085", "[]:1", "[127.0.0.1]:1", "[host]:1", ":1",
    "[fe80::1%lo]:1", "h:", "h:65536", "h:\u0661", "a b:1",
])  # fmt: skip
def test_an_address_that_can_be_read_two_ways_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"SLUICE_HOOK_LISTEN must be host:port.*\[::1\]:8085"):
        load({**MINIMAL, "SLUICE_HOOK_LISTEN": text})


@pytest.mark.parametrize("url", ["http://[::1", "http://::1/", "http://fe80::1:80/", "http://h:x/", "http://:80/"])
def test_a_url_without_a_host_to_reach_is_a_problem_and_no_crash(url: str) -> None:
    with pytest.raises(ConfigError, match="SLUICE_CLOUD_URL must be a URL"):
        load({**MINIMAL, "SLUICE_CLOUD_URL": url})
    assert load({**MINIMAL, "SLUICE_CLOUD_URL": "http://[::1]:80/"}).cloud_url == "http://[::1]:80"


@pytest.mark.parametrize(
    ("bind", "at"),
    [
        ("", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("::1", "::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("0:0::0", "::1"),
        ("live.example.com", "live.example.com"),
    ],
)
def test_what_listens_on_all_addresses_is_met_on_loopback(bind: str, at: str) -> None:
    assert met_at(bind) == at


def test_settings_from_a_file_win_and_some_can_be_reloaded(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# comment\nSLUICE_LOG_LEVEL=DEBUG\nSLUICE_SEGMENT_MODE=copy\n")
    old, new = load(MINIMAL), load({**MINIMAL, "SLUICE_ENV_FILE": str(file)})
    assert (new.log_level, new.segment_mode) == ("DEBUG", "copy")
    assert needs_restart(old, new) == ["segment_mode"]


def environment(w: World) -> dict[str, str]:
    s = w.settings
    return {
        "SLUICE_CLOUD_URL": s.cloud_url,
        "SLUICE_JOIN_TOKEN": JOIN,
        "SLUICE_AGENT_DIR": str(s.agent_dir),
        "SLUICE_HLS_DIR": str(s.hls_dir),
        "SLUICE_HOOK_LISTEN": f"127.0.0.1:{s.hook_listen[1]}",
        "SLUICE_STATUS_LISTEN": f"127.0.0.1:{s.hook_listen[1] + 1}",
        "SLUICE_LOCAL_LISTEN": "127.0.0.1:0",
        "SLUICE_SRS_API": s.srs_api,
    }


@asynccontextmanager
async def agent(env: dict[str, str], *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An agent's process, which does not outlive the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", *args, cwd=ROOT, env=env,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def up(w: World) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", w.settings.hook_listen[1])
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


def test_bad_settings_exit_with_2_and_say_why() -> None:
    async def run() -> None:
        async with agent({}) as process:
            _, err = await process.communicate()
        assert process.returncode == 2
        assert b"SLUICE_AGENT_DIR is not set" in err
        assert b"Traceback" not in err

    asyncio.run(run())


def test_killed_terminated_and_reloaded_while_live(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path, launch=False) as w:
            w.agent.spool.close()
            w.agent.release()
            w.settings.agent_dir.rename(tmp_path / "unused")
            async with agent(environment(w)) as first:
                await up(w)
                await until(lambda: w.cloud.syncs)
                assert (await w.hook("on_publish", "c1", "s")).body == b"0"
                w.srs.publishers["live/s"] = "c1"
                await w.hls_hook("c1", "s", w.segment(f"s-0-{time.time_ns() // 10**6}.ts"))
                first.kill()
                await first.communicate()
            w.segment(f"s-1-{time.time_ns() // 10**6}.ts")
            async with agent(environment(w)) as second:
                await finish(w, second)

    asyncio.run(run())


async def finish(w: World, process: asyncio.subprocess.Process) -> None:
    """The restarted agent ends what the killed one began, and stops cleanly."""
    await up(w)
    await until(lambda: len(w.cloud.of_kind("media_server.state")) == 2)
    process.send_signal(signal.SIGHUP)
    w.srs.publishers.clear()
    await w.hook("on_unpublish", "c1", "s")
    m = await until(lambda: next(iter(w.store.manifests().values()), None), 20)
    assert len(m["segments"]) == 2
    assert len(w.cloud.of_kind("session.admitted")) == 1
    assert len(w.cloud.of_kind("session.ended")) == 1
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"agent.stopped" in err
    assert b"config.reloaded" in err
    assert b"Traceback" not in err
