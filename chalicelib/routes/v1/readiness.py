"""`/v1/readiness`, `/v1/about`: what is not ready and what to do, and what runs here."""

from __future__ import annotations

import platform as python
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from chalicelib.domain.readiness import Finding, Level, worst
from chalicelib.wiring.installation import VERSION
from chalicelib.wiring.services import wiring

from ..views import View
from .base import Call, Nothing, operation


class FindingShown(View):
    """One thing that was looked at: what there is, and what to do."""

    code: str = Field(description="What it is, for programs.", examples=["disk_low"])
    level: Level = Field(description="good: well; warn: soon or in part not; bad: not.")
    of: Literal["installation", "node", "callbacks", "destination", "data", "work"] = Field(
        description="What kind of thing it is about."
    )
    id: str = Field(description="Which one; empty: all of them, or the only one.")
    name: str = Field(description="The same as its owner knows it.")
    params: dict[str, str | int | float] = Field(description="What the code names.", examples=[{"free_bytes": 1}])
    said: str = Field(description="What there is, in words.")
    hint: str = Field(description="What to do, in words; empty: nothing.")

    @classmethod
    def of_finding(cls, f: Finding) -> Self:
        """As it is shown."""
        return cls(**{name: getattr(f, name) for name in cls.model_fields})


class ReadinessShown(View):
    """Everything that was looked at, the worst first."""

    level: Level = Field(description="The worst of them.")
    at: datetime = Field(description="When it was looked at.")
    findings: list[FindingShown]


class MediaServerShown(View):
    """What an edge runs."""

    node: str
    name: str
    agent_version: str
    media_server: str = Field(description="srs, stand-in, or empty: not known.")
    media_server_version: str
    ffmpeg_version: str


class AboutShown(View):
    """What runs here."""

    product: str = "Sluice"
    version: str = Field(examples=["0.1.0"])
    installation: Literal["standalone", "aws"]
    python: str = Field(examples=["3.11.9"])
    started_at: datetime | None = Field(description="When it was started; null on AWS, where nothing runs for long.")
    uptime_s: int | None
    nodes: list[MediaServerShown]
    licence: str = Field(description="Where the licence of the product is.", examples=["https://example.com/LICENSE"])


@operation("GET", "/v1/readiness", scope="read")
def get_readiness(call: Call[Nothing]) -> ReadinessShown:
    """What is not ready, why, and what to do. `sluice doctor` says the same, and what only the machine knows."""
    found = wiring.readiness.look()
    shown = [FindingShown.of_finding(f) for f in found]
    return ReadinessShown(level=worst(found), at=wiring.clock(), findings=shown)


@operation("GET", "/v1/about", scope="read")
def get_about(call: Call[Nothing]) -> AboutShown:
    """What runs here, in which version, and since when."""
    started = wiring.started_at
    return AboutShown(
        version=VERSION,
        installation="standalone" if wiring.config.local is not None else "aws",
        python=python.python_version(),
        started_at=started,
        uptime_s=int((wiring.clock() - started).total_seconds()) if started else None,
        nodes=[
            MediaServerShown(
                node=v.node.id,
                name=v.node.name,
                agent_version=v.seen.agent_version if v.seen else "",
                media_server=(v.seen.observed.media_server or "") if v.seen else "",
                media_server_version=v.seen.observed.media_server_version if v.seen else "",
                ffmpeg_version=v.seen.observed.ffmpeg_version if v.seen else "",
            )
            for v in wiring.overview.all_nodes()
            if not v.node.revoked
        ],
        licence="https://opensource.org/license/mit",
    )
