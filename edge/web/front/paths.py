"""Who serves which path (section 15.1), and what of a request may pass: the one list from which the front's
configuration and its table in `docs/api.md` are made. The first rule that matches a path serves it; what is not on the
list does not pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Name = Literal[
    "local", "live", "uploads", "recordings", "objects", "cloud", "unknown_call", "well_known", "icon", "console",
    "pages", "rtc", "versions", "media_api", "playlists", "segments", "media", "ui", "start",
]  # fmt: skip

LOCAL_CALLS: Final = ("/terraform/v1/ffmpeg/vlive/upload/*", "/terraform/v1/ffmpeg/vlive/ytdl")
"""Calls of the compatible API that the agent answers itself, as they have to happen on its machine. Patterns of Caddy:
`*` stands for anything. Each is a route of the local server, which checks its caller.
"""

PAGES_OF_OTHER_NAMES: Final = {
    "/players/rtc_player.html": "/players/whep.html",
    "/players/rtc_publisher.html": "/players/whip.html",
    "/players/srs_player.html": "/tools/player.html",
    "/tools/xgplayer.html": "/tools/player.html",
}
"""Names under which clients know a page too (section 15.3), and the page that is there."""

READ: Final = ("GET", "HEAD")
CALL: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_READING: Final = ("Accept", "Accept-Encoding", "Accept-Language", "User-Agent")
_CACHED: Final = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Range", "Range")
# Whether a page of another origin asks is told by the last of these, and checked where a cookie is taken.
_API: Final = (
    "Authorization",
    "Content-Type",
    "Cookie",
    "Idempotency-Key",
    "Origin",
    "Sec-Fetch-Site",
    "X-Sluice-Console",
)
SIGNED_QUERY: Final = ("token", "expires", "signature", "download")
"""The keys that the query of a link to a recording may have."""
_MB: Final = 1000 * 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """`paths`: patterns of Caddy. `handling` and `caller` are for the reader of the table. Of a request pass:
    `methods`; `headers`, with the host, and with what the front says itself about the client; a body of `max_body`
    bytes, None for any; of the query the keys in `query`, None for any.
    """

    name: Name
    paths: tuple[str, ...]
    handling: str
    caller: str = "open"
    methods: tuple[str, ...] = READ
    headers: tuple[str, ...] = ()
    max_body: int | None = 0
    query: tuple[str, ...] | None = None


RULES: Final = (
    Rule(
        "local", LOCAL_CALLS, "the agent: what has to happen on this machine", "as the call says",
        ("GET", "POST", "PUT"), (*_READING, "Authorization", "Content-Type"), None,
    ),
    Rule(
        "uploads", ("/v1/uploads/*",), "the agent: chunks of uploads, which lie on this machine", "the upload's token",
        ("GET", "HEAD", "POST", "PUT", "DELETE"),
        (*_READING, "Authorization", "Content-Type", "Upload-Offset", "X-Checksum-Sha256"), 17 * _MB, (),
    ),
    Rule(
        "live", ("/v1/streams/*/thumbnail", "/v1/streams/*/history"),
        "the cloud, for who may; then the agent, where the stream is live on this node", "as the call says",
        READ, (*_READING, *_API),
    ),
    Rule(
        "recordings", ("/recordings/*", "/v1/shares/*"),
        "the cloud; files that it names are served from its folder, where that is on this machine", "signed link",
        READ, (*_READING, *_CACHED, "Authorization"), 0, SIGNED_QUERY,
    ),
    Rule(
        "objects", ("/edge/v1/objects/*",),
        "the cloud's host, for nodes that do not see its folder of recordings", "node token",
        ("PUT",), ("Authorization", "Content-Type", "X-Amz-Checksum-Sha256"), None,
    ),
    Rule(
        "cloud", ("/v1", "/v1/*", "/terraform/v1", "/terraform/v1/*", "/edge/v1", "/edge/v1/*"),
        "the cloud", "as the call says",
        # What API Gateway takes; larger things go to the store.
        CALL, (*_READING, *_CACHED, *_API), 10 * _MB,
    ),
    Rule("unknown_call", ("/terraform", "/terraform/*", "/edge", "/edge/*"), "404: no such call", methods=CALL),
    Rule("well_known", ("/.well-known/*",), "files of `.well-known` in the data folder, `no-cache, max-age=0`"),
    Rule("icon", ("/favicon.ico",), "the icon"),
    Rule(
        "console", ("/console", "/console/*"),
        "the console: its parts below `/console/app`, kept for a year by their names; the one page for all else",
    ),
    Rule(
        "pages", ("/players/*", "/tools/*"),
        "pages, cached 30 days except `/tools/player.html` and `/tools/xgplayer.html`",
    ),
    Rule(
        "rtc", ("/rtc/*",), "the media server's API, through the agent, with the WebRTC candidate", "publish secret",
        ("GET", "POST", "PUT", "PATCH", "DELETE"),
        (*_READING, "Authorization", "Content-Type", "If-Match", "X-Real-Host"), _MB,
    ),
    Rule("versions", ("/api/v1/versions",), "the media server's API (health check)", headers=_READING, query=()),
    Rule(
        "media_api", ("/api/*",),
        "the media server's API; through the agent, which leaves out secrets, for all but administrators",
        "bearer, or `token` in the query; else 401",
        ("GET", "HEAD", "POST", "PUT", "DELETE"), (*_READING, "Authorization", "Content-Type"), _MB,
    ),
    Rule(
        "playlists", ("*.m3u8",),
        "with high-performance HLS: files of the HLS folder, `public, max-age=` half a segment",
        headers=_CACHED,
    ),
    Rule("segments", ("*.ts",), "files of the HLS folder, `public, max-age=600`"),
    # What follows in the query is the viewer's own, and told to the callbacks of the user.
    Rule(
        "media", ("*.flv", "*.m3u8", "*.aac", "*.mp3"), "the media server",
        headers=(*_READING, *_CACHED, "Referer"),
    ),
    Rule("ui", ("/mgmt", "/mgmt/*"), "302 to the page of the console that does what that one did"),
    Rule("start", ("/",), "302 to `/mgmt`"),
)  # fmt: skip
"""Whatever no rule names is 404."""

STRANGE: Final = (
    r"^[^/]|^[^?]*?(?://|/\.\.?(?:[/;?]|%3[bB]|$)|\\|[\x00-\x20\x7f]"
    r"|%(?:2[eEfF]|5[cC]|[01][0-9a-fA-F]|7[fF])|%25(?:2[eEfF]|5[cC]|00))"
)
"""Paths that two programs read differently: 400 before any rule is looked at. Dot segments, empty ones, and what would
be one, a slash or a control character if it were decoded, once or twice.
"""
