"""Whether what is live can be pushed to a destination as it is: said before it is tried."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain import destinations as rules
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.sessions import as_open
from chalicelib.domain.targets import takes_of
from chalicelib.services.nodes.overview import Overview, StreamView
from chalicelib.wire.codecs import Unfit, codec_of, unfit


@dataclass(frozen=True, slots=True)
class Fit:
    """One live stream that a destination would take. `unfit`: why it can't be pushed as it is; `known`: whether it is
    known what it holds.
    """

    view: StreamView
    known: bool
    unfit: Unfit | None


class Preflight:
    """Compares destinations with what is live now."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def live(self) -> list[StreamView]:
        """What is live, to be asked about several destinations."""
        return self._overview.streams()

    def fits(self, destination: Destination, live: list[StreamView]) -> list[Fit]:
        """Each live stream that the destination takes, switched on or not."""
        on = destination.model_copy(update={"enabled": True})
        return [self._fit(on, view) for view in live if (s := _open(view)) is not None and rules.serves(on, s)]

    def _fit(self, destination: Destination, view: StreamView) -> Fit:
        seen = view.observed
        video, audio = (seen.video, seen.audio) if seen else (None, None)
        scheme, takes = destination.url.partition(":")[0], takes_of(destination.platform, destination.url)
        why = unfit(video, audio, scheme=scheme, takes=takes, ffmpeg_version=view.ffmpeg_version)
        return Fit(view, bool(codec_of(video) or codec_of(audio)), why)


def _open(view: StreamView) -> OpenSession | None:
    return as_open(view.session)
