"""Test cards in the agent: published beside it with its own credential, for a time, whatever is desired."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.wire.edge.desired import Desired
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import DesiredSource
from edge.ffmpeg.workers.argv import CARD, build_argv
from edge.ffmpeg.workers.spec import Reading, WorkerSpec
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import tell
from tests.unit.edge_agent.test_edge_sources import desire, states, wanted


def card(seconds: float, name: str = "测试") -> DesiredSource:
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    stream = StreamName(app="live", stream=name)
    more: dict[str, Any] = {"source": "c1", "fence": 1, "kind": "card", "url": "rtmp://localhost/live/x", "until": ends}
    return DesiredSource(stream=stream, loop=False, **more)


def test_it_is_published_beside_the_agent_and_not_to_where_the_url_says(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await desire(w, card(60, "x"))
        spec = (await until(lambda: wanted(w)))["c1:1"]
        assert spec.output_url.startswith(f"{w.agent.settings.srs_rtmp}/live")
        assert "sluice_push=" in spec.output_url
        assert (spec.reading.kind, spec.reading.longest_s, spec.encode) == ("card", 600, CARD)
        await desire(w)
        await until(lambda: states(w, "c1")[-1:] == [(1, "stopped")])

    tell(tmp_path, story)


def test_it_ends_in_time_though_the_cloud_still_wants_it(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await desire(w, card(0.5))
        await until(lambda: wanted(w))
        await asyncio.sleep(0.6)
        w.agent.sources.apply()
        await until(lambda: not wanted(w))
        assert w.cloud.desired != Desired()

    tell(tmp_path, story)


def test_the_clock_is_written_where_there_is_a_font() -> None:
    for clock in (False, True):
        reading = Reading("card", loop=False, clock=clock, longest_s=600)
        argv = build_argv("ffmpeg", WorkerSpec("a", "", "rtmp://127.0.0.1/live/测试", reading, CARD))
        graph = argv[argv.index("lavfi") + 2]
        assert ("drawtext" in graph) is clock
        assert argv[argv.index("-t") + 1] == "600"
        assert "-re" in argv
