"""What the compatible API says on the wire wherever it is answered, in the cloud or on the edge: headers and envelope
(sections 1.3 to 1.5 of the contract).
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

VERSION: Final = "5.15.20"
"""The release of Oryx whose API this is."""
PREFIX: Final = "/terraform/v1"
OPEN_HEADERS: Final = {
    "Server": f"Oryx/v{VERSION}",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Expose-Headers": "*",
}
"""For whatever pages of other origins may read."""
HEADERS: Final = OPEN_HEADERS | {"Access-Control-Allow-Credentials": "true"}
"""On every answer. Clients look for `-Credentials`; with the origin `*`, browsers refuse the pair (Q4). Never under
`/v1` and the console, whose cookie it must not concern."""
ERROR_HEADERS: Final = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


def envelope(data: Any) -> str:
    """The body of a success: JSON in which no character could end a script element."""
    text = json.dumps({"code": 0, "data": data, "server": os.getpid()}, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
