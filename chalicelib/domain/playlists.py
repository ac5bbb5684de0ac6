"""The playlist of the compatible API, with the flat segment names that its URLs have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import Final

from chalicelib.wire.recording import SegmentKey

from .recordings import Segment, is_break

SEGMENT_ROOT: Final = "/terraform/v1/hooks/record/hls/record"


def flat_name(key: SegmentKey) -> str:
    """One path segment that says all that the object key of a segment says besides its recording."""
    mark = "-d" if key.discontinuity else ""
    return f"{key.node}.{key.session}.{key.index:08d}-{key.duration_ms}{mark}.ts"


def parse_flat_name(recording: str, name: str) -> SegmentKey | None:
    """The object key behind a flat name, or None when it is none."""
    node, _, rest = name.partition(".")
    session, _, file = rest.partition(".")
    return SegmentKey.parse(f"recordings/{recording}/{node}/{session}/{file}")


def compatible_playlist(segments: Sequence[Segment], root: str = SEGMENT_ROOT, query: str = "") -> str:
    """The VOD playlist of section 11.3: always ended, two decimals, absolute segment paths, no last line feed.
    `query`: what each segment's URL ends in.
    """
    longest = max((s.key.duration_ms for s in segments), default=0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        "#EXT-X-ALLOW-CACHE:YES",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(longest / 1000))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    breaks = {id(b) for a, b in pairwise(segments) if is_break(a, b)}
    for s in segments:
        if id(s) in breaks:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f"#EXTINF:{s.key.duration_ms / 1000:.2f}, no desc")
        lines.append(f"{root}/{s.key.recording}/{flat_name(s.key)}{query}")
    lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines)
