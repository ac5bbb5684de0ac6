"""`python -m edge.web.tls.making <time>`: writes a new self-signed pair, key first, to standard output. A process of
its own, as what makes it takes 8 MB of memory, and is needed once in ten years.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

from edge.web.tls.pair import Pair, split


def made_aside(now: datetime) -> Pair:
    """A new self-signed pair.

    Raises:
        OSError: it could not be made.
    """
    argv = [sys.executable, "-m", "edge.web.tls.making", now.isoformat()]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        return split(done.stdout)
    except (subprocess.CalledProcessError, ValueError) as error:
        raise OSError("the self-signed certificate could not be made") from error


def main() -> None:
    """Entry point."""
    from edge.web.tls.pairs import self_signed

    pair = self_signed(datetime.fromisoformat(sys.argv[1]))
    sys.stdout.write(pair.key + pair.crt)


if __name__ == "__main__":
    main()
