"""Runs ministack, and adds what it lacks for keeping data.

ministack saves its state at a clean stop only, and keeps a log stream of each invocation for ever. Both live in its own
process, so this module starts it there and lets a thread (`infra.local.keeper`) save and trim regularly. Started by the
launcher as `python -m infra.local.emulator` with the environment that `infra.local.cloud` makes; it takes no arguments.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path


def _empty_scratch() -> None:
    """ministack leaves a folder of each function there whenever it is killed."""
    scratch = Path(tempfile.gettempdir())
    if scratch == Path(os.environ.get("TMPDIR", "/nowhere")):
        for left in scratch.glob("ministack-*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def main() -> None:
    """Prepare the state, start the keeper, and be ministack until a signal comes."""
    from infra.local.keeper import Keeper, restore_sessions
    from infra.local.state import forget_stream_positions, move_to_port

    # Its state holds secrets in clear.
    os.umask(0o077)
    _empty_scratch()
    state = Path(os.environ["STATE_DIR"])
    state.mkdir(parents=True, exist_ok=True)
    forget_stream_positions(state)
    move_to_port(state, int(os.environ["GATEWAY_PORT"]))
    from ministack import app  # type: ignore[import-untyped] # reads its settings when imported

    keeper = Keeper(state, Path(os.environ["SLUICE_FUNCTION_LOG"]))
    load = app._load_persisted_state

    def load_and_keep() -> None:
        """Save nothing before everything is loaded: a save would find the services empty, and keep them so."""
        load()
        restore_sessions(state)
        keeper.start()

    app._load_persisted_state = load_and_keep
    # ministack's own last save would keep the logs and may lose against a save in progress.
    app.save_all = lambda _services: keeper.finish()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
