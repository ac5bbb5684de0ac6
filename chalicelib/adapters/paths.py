"""Paths of recordings' objects, for whoever has the token in them."""

from __future__ import annotations

import time
from urllib.parse import quote

from chalicelib.domain import links


def recording_path(token: str, key: str, filename: str | None) -> str:
    """The path of an object: its key, with the token behind `recordings/`. `filename`: under which it is saved."""
    path = f"/recordings/{token}/{quote(key.removeprefix('recordings/'))}"
    return path + (f"?download={quote(filename)}" if filename else "")


def signed_path(master: str, key: str, life_s: int, filename: str | None) -> str:
    """The path of an object with a token that opens its recording for so many seconds."""
    recording = key.split("/")[1]
    return recording_path(links.make_token(links.key_of(master), recording, time.time() + life_s), key, filename)
