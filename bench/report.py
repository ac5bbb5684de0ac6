"""docs/performance.md, of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

TARGETS: Final = {
    "on_play, of the peer here": "≥ 1.5",
    "on_play, of the real product by its share of the floor": "≥ 1.5",
    "on_play p99, of the peer's here": "≤ 1",
    "on_publish, the whole way, p50 ms": "≤ 6",
    "on_publish, the whole way, p99 ms": "≤ 25",
    "on_publish, the whole way, a second": "≥ 300",
    "start, first, s": "≤ 8",
    "start, second, s": "≤ 4",
    "idle, memory, MB": "≤ 150",
    "idle, processor, % of a core": "≤ 1",
    "GET, 1 clients, p50 ms": "≤ 1.5",
    "GET, 8 clients, p50 ms": "≤ 6",
    "POST, 1 clients, p50 ms": "≤ 4",
    "POST, 8 clients, p50 ms": "≤ 15",
}
_HEAD: Final = """# Speed, as measured

Written by `make bench`, which takes some minutes and wants a quiet machine. Absolute figures are this machine's;
ratios, taken side by side in one run, hold elsewhere. `bench/` says how each was taken.

"""
_OF_HOOKS: Final = (
    "One processor a server (peer: with its Redis), 64 connections, each closed by the client after its answer. "
    "`on_publish` at agent and host: 4 connections, or one, all processors."
)


def written(found: Mapping[str, Any]) -> str:
    """The page."""
    return _HEAD + "\n".join(_lines(found)) + "\n"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    at = found["machine"]
    yield f"{found['at']}, {at['processor']}, {at['cores']} cores, Linux {at['kernel']}, commit {at['commit']}."
    if "hooks" in found:
        yield from ("", "## Hooks", "", _OF_HOOKS, "", *_servers(found["hooks"]["rows"]))
        yield from ("", *_table(found["hooks"]["ratios"]))
    if "standalone" in found:
        yield from ("", "## One machine", "", *_table(found["standalone"]))


def _servers(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield "| Server | requests/s | p50 ms | p99 ms | processor µs a request | memory MB | failed |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        times = f"{row['p50_ms']:.1f} | {row['p99_ms']:.1f}"
        used = f"{row['cpu_us']:.0f} | {row['memory_mb']:.0f}"
        yield f"| {name} | {row['rps']:,.0f} | {times} | {used} | {row['failed']:.0f} |"


def _table(figures: Mapping[str, float]) -> Iterator[str]:
    yield "| What | Measured | Target |"
    yield "|---|---|---|"
    for name, value in figures.items():
        yield f"| {name} | {value:.2f} | {TARGETS.get(name, '')} |"
