"""`python -m infra.local run|status|stop`."""

from __future__ import annotations

import os
import signal
import sys
import time
from errno import EDQUOT, ENOSPC

from infra.errors import InfraError
from infra.local.launcher import Launcher, say
from infra.local.lock import holder
from infra.local.settings import Settings, read_settings
from infra.local.tools import MissingToolError
from infra.terminal import print_anyway

_STOP_S = 30.0


def status(settings: Settings) -> int:
    """Say whether this folder's instance runs; 0 when it is ready, 3 when it is not."""
    pid = holder(settings.run_dir)
    ready = settings.run_dir / "ready.json"
    if pid is None:
        say(f"nothing runs in {settings.home}")
        return 3
    if not ready.exists():
        say(f"starting or stopping (pid {pid})")
        return 3
    say(f"ready (pid {pid}); addresses and secrets are in {ready}")
    return 0


def stop(settings: Settings) -> int:
    """Stop this folder's instance and wait until it is gone."""
    pid = holder(settings.run_dir)
    if pid is None:
        return status(settings)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while holder(settings.run_dir) == pid:
        if time.monotonic() > deadline:
            raise InfraError(f"The launcher (pid {pid}) does not stop.")
        time.sleep(0.1)
    return 0


def _command(words: list[str]) -> str:
    if words == ["run"]:
        return "run"
    import argparse  # half a megabyte, which the launcher does without as long as it runs

    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Run Sluice on this machine.")
    parser.add_argument("command", choices=["run", "status", "stop"])
    return str(parser.parse_args(words).command)


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 1 for what the user can mend."""
    print_anyway()
    command = _command(sys.argv[1:] if argv is None else argv)
    try:
        settings = read_settings()
        if command == "run":
            Launcher(settings).run()
            return 0
        return {"status": status, "stop": stop}[command](settings)
    except InfraError as error:
        say(f"{error}\n{error.hint}".rstrip())
    # A setting that the media server can't be given is a ValueError of its own.
    except (MissingToolError, ValueError) as error:
        say(str(error))
    except OSError as error:
        say(in_words(error))
    return 1


def in_words(error: OSError) -> str:
    """What the system refused, and what to do about it."""
    words = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    if error.errno in {ENOSPC, EDQUOT}:
        words += "\nMake room on the disk of the instance's folder, or choose one on another disk: SLUICE_HOME."
    return words


if __name__ == "__main__":
    sys.exit(main())
