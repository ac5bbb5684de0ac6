"""`python -m infra.local.host`: the host as a process, until SIGTERM or SIGINT. Started by the launcher with
`SLUICE_HOME` (the data folder) and `SLUICE_HOST_SOCKET` (where it listens); see `chalicelib.config` for the rest.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from infra.local.host.clock import ClockError

REFUSED = 78
"""The exit status when the data can't be used as it is (sysexits.h, EX_CONFIG)."""


def main() -> int:
    """Serve; returns the exit status."""
    os.umask(0o077)
    import edge.leanweb  # noqa: F401 - first, see there
    from chalicelib.adapters.local.refused import RefusedError
    from chalicelib.adapters.local.vault import KeyMissingError
    from chalicelib.domain.errors import UnavailableError
    from infra.local.host.service import Host

    try:
        host = Host(Path(os.environ["SLUICE_HOME"]), Path(os.environ["SLUICE_HOST_SOCKET"]))
    except (RefusedError, KeyMissingError, ClockError) as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    except UnavailableError as error:
        sys.stderr.write(f"The data in {os.environ['SLUICE_HOME']} can't be used: {error}\n")
        return REFUSED
    except OSError as error:
        sys.stderr.write(f"The host can't start: {error}\n")
        return REFUSED
    host.serve()
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    # Python would wait for threads that may sleep for another 20 s for nobody.
    os._exit(status)
