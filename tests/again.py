"""One more chance for tests that failed, where `SLUICE_AGAIN` gives one: a machine that many share is busy at times.
What passes then is named all the same: `FLAKY: <test>`, to be mended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """Gives the exit status."""
    failed = sorted(json.loads(LAST_FAILED.read_text())) if LAST_FAILED.exists() else []
    if not os.environ.get("SLUICE_AGAIN") or not failed:
        return 1
    status = subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:], "--last-failed"], check=False).returncode
    if status == 0:
        sys.stderr.write("".join(f"FLAKY: {test}\n" for test in failed))
    return status


if __name__ == "__main__":
    sys.exit(main())
