"""Which records of the table's stream reach the function: those of kinds that something follows from. What a node says
with each sync never does, so it starts nothing and costs nothing there.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.adapters.layout import LAYOUTS
from chalicelib.domain.model.base import Entity
from chalicelib.services.dispatch import ENDS_FOLLOWED, follows


def _tags(*kinds: type[Entity]) -> dict[str, Any]:
    return {"kind": {"S": sorted(LAYOUTS[kind].tag for kind in kinds)}}


def filter_criteria() -> dict[str, Any]:
    """`FilterCriteria` of the event source: one pattern for what was written, one for what was removed (Lambda,
    'Control which events Lambda sends to your function').
    """
    written = {"dynamodb": {"NewImage": _tags(*filter(follows, LAYOUTS))}}
    removed = {"eventName": ["REMOVE"], "dynamodb": {"OldImage": _tags(*ENDS_FOLLOWED)}}
    return {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in (written, removed)]}
