"""What a cold start of the edges' function takes beside bare Chalice: `python -m tests.package.cold_start`.

Processor time of fresh processes, by turns, of the compiled libraries of the package: from the start of Python until a
publisher can be admitted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
from typing import Final

from infra.aws.vendor import Target, ensure_vendor
from infra.paths import ROOT

PLACES: Final = {
    "SLUICE_TABLE": "t", "SLUICE_BUCKET": "b", "SLUICE_CALLBACKS_QUEUE": "c", "SLUICE_FINISH_QUEUE": "f",
    "SLUICE_NODE_ROLE": "arn:aws:iam::1:role/x", "SLUICE_NODE_QUEUE_PREFIX": "p", "SLUICE_SECRET": "s",
    "SLUICE_BOOTSTRAP": "/b", "PYDANTIC_DISABLE_PLUGINS": "__all__",
}  # fmt: skip
ENTRY: Final = "import chalicelib.entries.edge as entry\nentry.wiring.publish\n"
"""Until a publisher can be admitted."""
_TIMES: Final = 15
_PROGRAMS: Final = {
    "python": "",
    "bare Chalice": "from chalice import Chalice\napp = Chalice(app_name='x')\napp.route('/')(lambda: {})",
    "edge": ENTRY,
}


def _cpu_ms(program: str, path: str) -> float:
    # Said by the process when it is ready: what it takes to end belongs to no start.
    code = f"import sys; sys.path[:0] = {path!r}.split(':')\n{program}\nimport time; print(time.process_time())"
    environment = {"PATH": os.environ["PATH"], **PLACES}
    argv = [sys.executable, "-S", "-c", code]
    return float(subprocess.run(argv, env=environment, cwd="/", check=True, capture_output=True).stdout) * 1000


def measured() -> dict[str, float]:
    """Milliseconds of processor time, medians."""
    # Chalice is not among the vendored: it puts itself into the package.
    path = f"{ROOT}:{ensure_vendor(Target.host())}:{sysconfig.get_path('purelib')}"
    found: dict[str, list[float]] = {name: [] for name in _PROGRAMS}
    for turn in range(_TIMES + 1):
        for name, program in _PROGRAMS.items():
            taken = _cpu_ms(program, path)
            if turn:  # the first writes what it compiled
                found[name].append(taken)
    return {name: statistics.median(taken) for name, taken in found.items()}


if __name__ == "__main__":
    said = measured()
    for what, taken in said.items():
        sys.stdout.write(f"{what:14} {taken:6.0f} ms\n")
    sys.stdout.write(f"edge / bare Chalice: {said['edge'] / said['bare Chalice']:.1f}\n")
