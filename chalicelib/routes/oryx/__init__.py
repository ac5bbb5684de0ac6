"""`/terraform/v1`: the API that clients of Oryx use, so that they find it unchanged (its contract: 'Oryx OpenAPI').

Importing the modules below registers their calls with `calls.oryx`.
"""

from chalicelib.routes.oryx import forward, hooks, media, record, rooms, streams, system, tls
from chalicelib.routes.oryx.calls import oryx

__all__ = ["forward", "hooks", "media", "oryx", "record", "rooms", "streams", "system", "tls"]
