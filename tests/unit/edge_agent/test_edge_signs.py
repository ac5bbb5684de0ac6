"""What shows that a media server lives that does not answer."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from edge.srs.signs import Signs
from tests.unit.edge_agent.edge_fakes import free_port
from tests.unit.edge_agent.fake_servers import HOST


def test_whoever_listens_lives_and_a_port_that_refuses_is_nobodys() -> None:
    async def go() -> None:
        port = await free_port()
        signs = Signs(f"http://{HOST}:{port}", f"rtmp://{HOST}:{port}", ())
        assert await signs.look([]) == frozenset()
        with socket.create_server((HOST, port), backlog=0):
            for _ in range(4):  # it takes no connection: the later ones get no answer at all
                assert await signs.look([]) == {"process"}
        assert await signs.look([]) == frozenset()

    asyncio.run(go())


def test_connections_are_read_from_the_kernels_table(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    table = tmp_path / "tcp"

    async def connected() -> bool:
        port = await free_port()
        table.write_text(head + rows.replace("PORT", f"{port:04X}"))
        return "connections" in await Signs(f"http://{HOST}:{port}", f"rtmp://{HOST}:{port}", [table]).look([])

    rows = "   0: 0100007F:PORT 0100007F:C000 01 0\n"
    assert asyncio.run(connected())
    rows = "   0: 00000000:PORT 00000000:0000 0A 0\n   1: 0100007F:PORT 0100007F:C000 06 0\n"
    assert not asyncio.run(connected()), "it listens, and one that ended lingers"
    rows = "   0: 0100007F:C000 0100007F:PORT 01 0\nnonsense\n"
    assert not asyncio.run(connected()), "our end of a connection is not its own"


def test_segments_that_are_written_are_a_sign(tmp_path: Path) -> None:
    async def go() -> None:
        port = await free_port()
        signs = Signs(f"http://{HOST}:{port}", f"rtmp://{HOST}:{port}", ())
        streams = [(tmp_path, "a"), (tmp_path / "none", "b")]
        (tmp_path / "a-0.ts").write_bytes(b"x")
        (tmp_path / "other.ts").write_bytes(b"x")
        assert await signs.look(streams) == frozenset(), "of one look nothing follows"
        assert await signs.look(streams) == frozenset()
        (tmp_path / "a-1.ts.tmp").write_bytes(b"x")
        assert await signs.look(streams) == {"segments"}
        assert await signs.look(streams) == frozenset()

    asyncio.run(go())
