"""How busy a machine is, out of made-up files of /proc."""

from __future__ import annotations

from pathlib import Path

from edge.base.machine import Machine

NET = """Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 9999999    1 0 0 0 0 0 0 9999999 1 0 0 0 0 0 0
  eth0:{received}    1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0
"""


def write(proc: Path, busy: int, idle: int, received: int, sent: int) -> None:
    (proc / "net").mkdir(exist_ok=True)
    (proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n")
    (proc / "meminfo").write_text("MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:   250 kB\n")
    (proc / "net/dev").write_text(NET.format(received=received, sent=sent))


def test_differences_are_told_and_the_first_look_knows_none(tmp_path: Path) -> None:
    machine = Machine(tmp_path, tmp_path)
    write(tmp_path, 100, 900, 1000, 1000)
    first = machine.look()
    assert (first.cpu_percent, first.received_bytes_s) == (None, None)
    assert (first.memory_total_bytes, first.memory_available_bytes) == (1_024_000, 256_000)
    assert first.disk_total_bytes
    write(tmp_path, 130, 970, 10**9, 1000)
    second = machine.look()
    assert second.cpu_percent == 30.0
    assert second.received_bytes_s
    assert second.received_bytes_s > 0
    assert second.sent_bytes_s == 0


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    found = Machine(tmp_path / "none", tmp_path / "none").look()
    assert (found.cpu_percent, found.memory_total_bytes, found.sent_bytes_s) == (None, None, None)
    (tmp_path / "stat").write_text("nonsense")
    (tmp_path / "meminfo").write_text("MemTotal: x kB\n")
    assert Machine(tmp_path, tmp_path).look().cpu_percent is None
