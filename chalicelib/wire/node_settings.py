"""What an owner sets for one node: in `Desired.settings`, and in the question that has it applied at once."""

from __future__ import annotations

from typing import Literal

from .base import Message
from .questions import Question


class HlsMode(Message):
    """How a node makes and serves HLS (section 6). `plain`: playlists are files that caches may keep, without a session
    for each viewer. `low_latency`: fragments of 2 s in a window of 16 s, whatever else the node is set to.
    """

    plain: bool = False
    low_latency: bool = False


class NodeSettings(Message):
    """All settings of a node."""

    hls: HlsMode = HlsMode()


class ApplySettingsQuestion(Question):
    """Make these settings hold now; answered when they do."""

    kind: Literal["settings.apply"] = "settings.apply"
    settings: NodeSettings
