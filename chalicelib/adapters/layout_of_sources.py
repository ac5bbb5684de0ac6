"""Where sources lie, and what is known of what they play."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from chalicelib.adapters.layout_of import KEPT_ANSWER_HOURS, Layout
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.sources import (
    KnownInput,
    NodeSource,
    Source,
    SourceLease,
    SourcePlace,
    SourcesPlaced,
    SourceStatus,
    VideoInfo,
)

KNOWN_INPUT_DAYS: Final = 30

SOURCES: Final[dict[type[Entity], Layout]] = {
    KnownInput: Layout(
        tag="known_input",
        key=lambda uuid: (f"INPUT#{uuid}", "INPUT"),
        key_of=lambda e: (e.uuid,),
        expires=lambda e: e.at + timedelta(days=KNOWN_INPUT_DAYS),
        secret=("file",),
    ),
    Source: Layout(
        tag="source",
        key=lambda source: (f"SOURCE#{source}", "SOURCE"),
        key_of=lambda e: (e.id,),
        index=lambda e: ("SOURCES", e.id),
        secret=("url", "inputs", "renditions", "slot"),
    ),
    SourceLease: Layout(
        tag="source_lease",
        key=lambda source: (f"SOURCE#{source}", "LEASE"),
        key_of=lambda e: (e.source,),
    ),
    SourceStatus: Layout(
        tag="source_status",
        key=lambda source: (f"SOURCE#{source}", "STATUS"),
        key_of=lambda e: (e.source,),
    ),
    SourcePlace: Layout(
        tag="source_place",
        key=lambda source, place: (f"SOURCE#{source}", f"PLACE#{place}"),
        key_of=lambda e: (e.source, e.place),
        partition=lambda source: (f"SOURCE#{source}", "PLACE#"),
        index=lambda e: (e.place, e.source),
    ),
    SourcesPlaced: Layout(tag="sources_placed", key=lambda: ("CONFIG", "sources_placed"), key_of=lambda _: ()),
    NodeSource: Layout(
        tag="node_source",
        # Between LEASE# and OPEN#, so that one read of the node finds it.
        key=lambda node, source: (f"NODE#{node}", f"LEASE-SOURCE#{source}"),
        key_of=lambda e: (e.node, e.source),
    ),
    VideoInfo: Layout(
        tag="video_info",
        key=lambda bvid: (f"BILIBILI#{bvid}", "VIDEO"),
        key_of=lambda e: (e.bvid,),
        expires=lambda e: e.fetched_at + timedelta(hours=KEPT_ANSWER_HOURS),
    ),
}
