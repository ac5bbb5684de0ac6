"""`/v1/platforms`: presets of destinations."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from chalicelib.domain.platforms import PLATFORMS

from ..views import Items, View
from .base import Call, Nothing, operation


class PlatformShown(View):
    """A platform that streams can be pushed to."""

    id: str = Field(examples=["youtube"])
    name: str
    name_zh: str
    server: str = Field(description="Empty: the platform gives you one of your own.")
    key_page: str = Field(description="Where the stream key is found.")
    hint: str
    hint_zh: str


@operation("GET", "/v1/platforms", scope="read")
def list_platforms(call: Call[Nothing]) -> Items[PlatformShown]:
    """The platforms that are known by name."""
    return Items[PlatformShown](items=[PlatformShown(**asdict(p)) for p in PLATFORMS])
