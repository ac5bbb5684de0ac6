"""What only a program's start needed is given back to the kernel, once a start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from infra.local.pages import file_ranges, give_back
from infra.local.supervisor import Child, Supervisor

MAPS = """\
00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/caddy
00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
35b1800000-35b1820000 r--p 00000000 08:02 135522  /usr/lib64/some library.so
35b1a21000-35b1a22000 rw-p 00021000 08:02 135522  /usr/lib64/some library.so
7fffb2c0d000-7fffb2c2e000 r-xp 00000000 00:00 0   [vdso]
7fffb2d48000-7fffb2d49000 r-xp 00000000 00:00 0
"""


def test_only_what_lies_in_files_and_is_not_written_is_given_back() -> None:
    assert list(file_ranges(MAPS)) == [(0x400000, 0x52000), (0x35B1800000, 0x20000)]


def test_nothing_depends_on_giving_back() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert give_back(ended.pid) is False
    assert give_back(os.getpid()) in {True, False}


def test_it_is_asked_once_a_start_and_only_of_those_that_may(tmp_path: Path) -> None:
    asked: list[int] = []

    def kept(pid: int) -> bool:
        asked.append(pid)
        return True

    supervisor = Supervisor(lambda _: None, lambda: False, give_back=kept, settled_s=-1.0)
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    for name, small in (("front", True), ("media server", False)):
        supervisor.spawn(Child(name, sleeps, os.environ, tmp_path / name, small=small))
    pids = [running.process.pid for running in supervisor._running]
    for _ in range(3):
        supervisor.tend()
    supervisor.stop()
    assert asked == pids[:1]
