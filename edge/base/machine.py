"""How busy this machine is, out of /proc: what a difference says of the time since it was last looked at."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from chalicelib.wire.edge.observed import ObservedMachine

_PROC: Final = Path("/proc")
_OWN: Final = ("lo:",)


class Machine:
    """Looks at processors, memory, disk and network. Not every system has /proc: what is not there is not known."""

    def __init__(self, folder: Path, proc: Path = _PROC) -> None:
        self._folder, self._proc = folder, proc
        self._cpu: tuple[int, int] | None = None
        self._net: tuple[float, int, int] | None = None

    def look(self) -> ObservedMachine:
        """As it is now, and since it was last looked at."""
        total, left = self._memory()
        received, sent = self._network()
        return ObservedMachine(
            cpu_percent=self._processors(),
            cpus=os.cpu_count(),
            memory_total_bytes=total,
            memory_available_bytes=left,
            disk_total_bytes=self._disk(),
            received_bytes_s=received,
            sent_bytes_s=sent,
        )

    def _processors(self) -> float | None:
        with suppress(OSError, ValueError, IndexError):
            numbers = [int(n) for n in (self._proc / "stat").read_text().splitlines()[0].split()[1:9]]
            busy, whole = sum(numbers) - numbers[3] - numbers[4], sum(numbers)
            before, self._cpu = self._cpu, (busy, whole)
            if before is not None and whole > before[1]:
                return round(100 * (busy - before[0]) / (whole - before[1]), 1)
        return None

    def _memory(self) -> tuple[int | None, int | None]:
        with suppress(OSError, ValueError, KeyError):
            rows = (line.split() for line in (self._proc / "meminfo").read_text().splitlines())
            kilobytes = {row[0]: int(row[1]) for row in rows}
            return kilobytes["MemTotal:"] * 1024, kilobytes["MemAvailable:"] * 1024
        return None, None

    def _disk(self) -> int | None:
        with suppress(OSError):
            return shutil.disk_usage(self._folder).total
        return None

    def _network(self) -> tuple[int | None, int | None]:
        """Bytes a second, without what stays on this machine."""
        with suppress(OSError, ValueError, IndexError):
            rows = [line.split() for line in (self._proc / "net/dev").read_text().replace(":", ": ").splitlines()[2:]]
            others = [row for row in rows if row[0] not in _OWN]
            now = (time.monotonic(), sum(int(row[1]) for row in others), sum(int(row[9]) for row in others))
            before, self._net = self._net, now
            if before is not None and (passed := now[0] - before[0]) > 0:
                return round((now[1] - before[1]) / passed), round((now[2] - before[2]) / passed)
        return None, None
