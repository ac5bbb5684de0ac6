"""What a recording's runs of media hold, and which of them fit into one MP4.

A transport stream may announce a track that never comes, and a reconnect may change anything: size, codec, sample rate,
channels. Many players read one description a track from an MP4, so runs are put together while they are alike, and what
is different begins another file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

VIDEO: Final = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
AUDIO: Final = frozenset({"aac", "mp3", "opus", "ac3", "eac3", "alac", "flac", "mp2"})
"""What FFmpeg copies into MP4 and players expect there (`mov` muxer; MP4 Registration Authority)."""


@dataclass(frozen=True, slots=True)
class Track:
    """A track as a probe found it. `shape`: what must be equal to go on in one file: width and height in pixels, or
    sample rate in Hz and channels, and the profile. `packets`: how many came. `data`: FFmpeg can't tell what it is.
    """

    index: int
    kind: Literal["video", "audio", "data"]
    codec: str
    shape: tuple[int, int, str]
    packets: int

    @property
    def came(self) -> bool:
        """Whether it is more than announced: data came, and it says what it is."""
        return self.packets > 0 and (self.kind == "data" or (self.shape[0] > 0 and self.shape[1] > 0))

    @property
    def fits(self) -> bool:
        """Whether an MP4 can hold it."""
        return self.kind != "data" and self.codec in (VIDEO if self.kind == "video" else AUDIO)


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that make one MP4, by their numbers, and the tracks that it gets."""

    runs: tuple[int, ...]
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A track of a run, or a run, that is in no MP4, and why: in words, and the same for programs."""

    run: int
    reason: str
    code: str
    params: dict[str, str | int] = field(default_factory=dict)


def kept(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Of a run's tracks those that an MP4 gets: the first picture and the first sound that came and fit."""
    usable = [t for t in tracks if t.came and t.fits]
    firsts = (next((t for t in usable if t.kind == kind), None) for kind in ("video", "audio"))
    return tuple(t for t in firsts if t is not None)


def _without(run: int, track: Track) -> LeftOut:
    """A run without a track that came."""
    if track.kind == "data":
        return LeftOut(run, "a track whose codec FFmpeg can't tell in a transport stream", code="track_unknown")
    reason = f"{track.kind} in {track.codec}, which MP4 can't hold"
    video = track.kind == "video"
    return LeftOut(run, reason, code="picture_not_held" if video else "sound_not_held", params={"codec": track.codec})


def _alike(one: Sequence[Track], other: Sequence[Track]) -> bool:
    return [(t.index, t.codec, t.shape) for t in one] == [(t.index, t.codec, t.shape) for t in other]


def grouped(runs: Sequence[Sequence[Track]]) -> tuple[list[Group], list[LeftOut]]:
    """The MP4s that runs make, in order, and what none of them holds."""
    groups: list[Group] = []
    left: list[LeftOut] = []
    for number, tracks in enumerate(runs):
        mine = kept(tracks)
        left += [_without(number, t) for t in tracks if t.came and not t.fits]
        if not mine:
            left.append(LeftOut(number, "no picture and no sound that MP4 can hold", code="nothing_held"))
        elif groups and _alike(groups[-1].tracks, mine):
            groups[-1] = Group((*groups[-1].runs, number), groups[-1].tracks)
        else:
            groups.append(Group((number,), mine))
    return groups, left


def file_name(number: int) -> str:
    """The name of the n-th MP4 of a recording, counted from 0."""
    return "index.mp4" if number == 0 else f"index-{number + 1}.mp4"
