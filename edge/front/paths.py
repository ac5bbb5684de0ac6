"""Who serves which path (section 15.1): the one list from which the front's configuration and its table in
`docs/api.md` are made. The first rule that matches a path serves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Name = Literal[
    "local", "cloud", "unknown_call", "well_known", "pages", "rtc", "versions", "media_api", "recordings", "store",
    "playlists", "segments", "media", "ui", "else",
]  # fmt: skip

LOCAL_CALLS: Final = ("/terraform/v1/ffmpeg/vlive/upload/*", "/terraform/v1/ffmpeg/vlive/ytdl")
"""Calls of the compatible API that the agent answers itself, as they have to happen on its machine. Patterns of Caddy:
`*` stands for anything. Each is a route of the local server, which checks its caller.
"""


PAGES_OF_OTHER_NAMES: Final = {
    "/console/en_index.html": "/console/ng_index.html",
    "/players/rtc_player.html": "/players/whep.html",
    "/players/rtc_publisher.html": "/players/whip.html",
    "/players/srs_player.html": "/tools/player.html",
    "/tools/xgplayer.html": "/tools/player.html",
}
"""Names under which clients know a page too (section 15.3), and the page that is there."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`paths`: patterns of Caddy; empty means every path. `handling` and `caller` are for the reader of the table."""

    name: Name
    paths: tuple[str, ...]
    handling: str
    caller: str = "open"


RULES: Final = (
    Rule("local", LOCAL_CALLS, "the agent: what has to happen on this machine", "as the call says"),
    Rule(
        "cloud", ("/v1", "/v1/*", "/terraform/v1", "/terraform/v1/*", "/edge/v1", "/edge/v1/*"),
        "the cloud", "as the call says",
    ),
    Rule("unknown_call", ("/terraform", "/terraform/*", "/edge", "/edge/*"), "404: no such call"),
    Rule("well_known", ("/.well-known/*",), "files of `.well-known` in the data folder, `no-cache, max-age=0`"),
    Rule(
        "pages", ("/console/*", "/players/*", "/tools/*"),
        "pages, cached 30 days except `/tools/player.html` and `/tools/xgplayer.html`",
    ),
    Rule("rtc", ("/rtc/*",), "the media server's API, through the agent, with the WebRTC candidate", "publish secret"),
    Rule("versions", ("/api/v1/versions",), "the media server's API (health check)"),
    Rule("media_api", ("/api/*",), "the media server's API", "bearer, or `token` in the query; else 401"),
    Rule("recordings", ("/<bucket>/recordings/*",), "the store, where it is not AWS's: signed reads", "signature"),
    Rule("store", ("/<bucket>", "/<bucket>/*"), "403: the store takes nothing else here"),
    Rule(
        "playlists", ("*.m3u8",),
        "with high-performance HLS: files of the HLS folder, `public, max-age=10` (1 with low latency)",
    ),
    Rule("segments", ("*.ts",), "files of the HLS folder, `public, max-age=600`"),
    Rule("media", ("*.flv", "*.m3u8", "*.aac", "*.mp3"), "the media server"),
    Rule("ui", ("/mgmt", "/mgmt/*"), "pages of the user interface"),
    Rule("else", (), "302 to `/mgmt`"),
)  # fmt: skip
