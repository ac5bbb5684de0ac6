"""`/terraform/v1`: the API that clients of Oryx use, so that they find it unchanged (its contract: 'Oryx OpenAPI').

Importing the modules below registers their calls with `calls.oryx`.
"""

from chalicelib.routes.oryx import (
    camera,
    forward,
    hls,
    hooks,
    media,
    record,
    rooms,
    streams,
    system,
    tls,
    transcode,
    vlive,
)
from chalicelib.routes.oryx.calls import oryx

__all__ = [
    "camera", "forward", "hls", "hooks", "media", "oryx", "record", "rooms", "streams", "system", "tls", "transcode",
    "vlive",
]  # fmt: skip
