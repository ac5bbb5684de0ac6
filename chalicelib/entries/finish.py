"""The task that finishes one recording: the same module as the function's, without its limits of time and disk.

`SLUICE_RECORDING` and `SLUICE_HOLD` say which and by what right (`ports/tasks.py`). It ends with 0 when the recording
came into a state that says what became of it; with anything else, the event of its end has it tried again.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from aws_lambda_powertools import Logger

from chalicelib.adapters.logs import MaskingFormatter
from chalicelib.wiring.services import Wiring

INTERRUPTED = 128 + signal.SIGTERM


def main() -> int:
    """Finish it; returns the exit status."""
    log = Logger(service="sluice", logger_formatter=MaskingFormatter())
    recording, hold = os.environ["SLUICE_RECORDING"], os.environ["SLUICE_HOLD"]
    signal.signal(signal.SIGTERM, _interrupted)
    log.info("finish_task", extra={"recording": recording})
    Wiring().finisher.finish(recording, handed=hold)
    return 0


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """A task on spare capacity is told two minutes before it is stopped (ECS documentation, 'Fargate Spot termination
    notices'). It can't be done by then: FFmpeg and its files go at once.
    """
    raise SystemExit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
