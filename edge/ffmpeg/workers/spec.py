"""What a worker is asked to do, what it reports, and the states it may go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

State = Literal["waiting", "starting", "running", "retrying", "stopped"]

#            waiting   starting   running   retrying   stopped
# waiting       -         x          -          -         x       wanted, nothing was started yet
# starting      -         -          x          x         x       FFmpeg runs, no packet has left yet
# running       -         -          -          x         x       packets leave
# retrying      -         x          -          -         x       FFmpeg is gone; the next start is due after a back-off
# stopped       -         -          -          -         -       final; wanting it again makes a new worker
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    "waiting": frozenset({"starting", "stopped"}),
    "starting": frozenset({"running", "retrying", "stopped"}),
    "running": frozenset({"retrying", "stopped"}),
    "retrying": frozenset({"starting", "stopped"}),
    "stopped": frozenset(),
}


class IllegalTransitionError(RuntimeError):
    """A change of state that the table does not have: a bug of ours, never a fault of the outside."""


def check_transition(old: State, new: State) -> None:
    """Refuse a change of state that the table does not have.

    Raises:
        IllegalTransitionError: it does not.
    """
    if new not in TRANSITIONS[old]:
        raise IllegalTransitionError(f"a worker cannot go from {old} to {new}")


InputKind = Literal["live", "file", "playlist", "stream", "camera", "card"]
"""`live`: a stream of the media server beside us. `file`: a path. `playlist`: the path of a list that we wrote. `card`:
a test card, which is made.
"""


@dataclass(frozen=True)
class Reading:
    """How the input is read. `loop`: files begin again at their end. `silent_audio`: silence in place of its sound.
    `turn`: degrees clockwise by which the picture is turned, where it is encoded. `sound_only`: what looks like a
    picture is a cover. `clock`: the time is written into a test card; `longest_s`: after so long it ends.
    """

    kind: InputKind = "live"
    loop: bool = True
    silent_audio: bool = False
    turn: int = 0
    sound_only: bool = False
    clock: bool = False
    longest_s: int = 0


@dataclass(frozen=True)
class Encode:
    """How an output is encoded. Bitrates are kbps; 0 for `achannels`, `height`: as it comes."""

    vcodec: str
    vprofile: str
    vpreset: str
    vbitrate: int
    acodec: str
    abitrate: int
    achannels: int = 0
    height: int = 0


@dataclass(frozen=True)
class ExtraOutput:
    """One more output of the same input, encoded its own way."""

    url: str = field(repr=False)
    encode: Encode


@dataclass(frozen=True)
class WorkerSpec:
    """One push: what is read, and where it goes. The URLs may hold secrets, and are left out of the repr.

    `encode` None: codecs are copied, with `sound_as_aac` all but the sound. `restarts`: another number is another spec,
    so that the worker starts anew.
    """

    id: str
    input_url: str = field(repr=False)
    output_url: str = field(repr=False)
    reading: Reading = Reading()
    encode: Encode | None = None
    sound_as_aac: bool = False
    extra: tuple[ExtraOutput, ...] = ()
    restarts: int = 0


@dataclass(frozen=True)
class WorkerReport:
    """What a worker is doing. `attempt`: starts in a row, this one included; 0 before the first and once it is stable.

    `bitrate_kbps` is what left in the last seconds; `last_error` is redacted and survives until the worker is stable.
    `started_at`, `ready_at`: seconds since the epoch at which the FFmpeg of now was started, and at which its first
    packet left. `finished`: with `stopped`, all there was has been played and is not to be played again.
    `refused`: with `stopped`, it was never started and cannot be, for the reason in `last_error`. `next_try_at`: with
    `retrying`, when it is started again, in seconds since the epoch. `restarts`: of the spec that it runs by.
    """

    id: str
    state: State
    attempt: int
    bitrate_kbps: float | None
    last_error: str | None
    pid: int | None
    started_at: float | None = None
    ready_at: float | None = None
    finished: bool = False
    refused: bool = False
    next_try_at: float | None = None
    restarts: int = 0


@dataclass(frozen=True)
class Timing:
    """How long things may take, in seconds. The defaults are the product's; tests shorten them."""

    retry_first: float = 1.0
    retry_most: float = 30.0
    stable_after: float = 30.0
    """A run of this length counts as a success: attempts and back-off start over."""
    stall: float = 15.0
    """FFmpeg without progress for this long is killed."""
    stop_grace: float = 1.5
    """Between SIGINT and SIGKILL."""
    report_every: float = 2.0
    """Least time between two reports that differ in the bitrate only."""


class Workers(Protocol):
    """What the agent needs of the worker supervisor."""

    def apply(self, wanted: Mapping[str, WorkerSpec]) -> None:
        """Set what is to run."""

    def hurry(self, worker_id: str) -> None:
        """Start one that waits for its next try at once; one that runs goes on."""

    def reports(self) -> list[WorkerReport]:
        """What runs."""

    async def close(self) -> None:
        """Stop everything and wait."""
