"""What of the media server's answers is shown to callers that are not administrators. Pure.

Fields that are not named here are not shown, and answers of a form that is not known here neither: whatever the media
server adds in another version may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

Show = Callable[[str], str]
"""The name of a stream without a secret that it ends in."""
HIDDEN: Final = "***"
_HEAD: Final = ("code", "server", "service", "pid")
_RATES: Final = ("send_bytes", "recv_bytes", "kbps")
_ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "vhosts": ("id", "name", "enabled", "clients", "streams", "hls", *_RATES),
    "streams": ("id", "vhost", "app", "live_ms", "clients", "frames", "publish", "video", "audio", *_RATES),
    "clients": ("id", "vhost", "stream", "type", "publish", "alive", *_RATES),
}
_INNER: Final[Mapping[str, tuple[str, ...]]] = {
    "kbps": ("recv_30s", "send_30s"),
    "hls": ("enabled", "fragment"),
    "publish": ("active", "cid"),
    "video": ("codec", "profile", "level", "width", "height"),
    "audio": ("codec", "sample_rate", "channel", "profile"),
}
_TEXTS: Final = frozenset(
    {
        "server",
        "service",
        "pid",
        "id",
        "name",
        "vhost",
        "app",
        "stream",
        "type",
        "cid",
        "codec",
        "profile",
        "level",
        "version",
    }
)
"""The fields that hold text. In all others, which hold numbers, a text would be something else."""
_NUMBERS: Final = ("rusages", "self_proc_stats", "system_proc_stats", "meminfos")
_VERSION: Final = ("major", "minor", "revision", "version")


def shown(path: str, answer: Any, show: Show) -> dict[str, Any] | None:
    """What of an answer of `/api/v1/<path>` may be shown; None: nothing."""
    what, _, one = path.strip("/").partition("/")
    if not isinstance(answer, dict) or "/" in one:
        return None
    head = _plain(answer, _HEAD)
    if what in _ROWS:
        return _rows(what, answer, head, show, one=bool(one))
    data = answer.get("data")
    if one or not isinstance(data, dict):
        return head if set(answer) <= set(_HEAD) and what in {*_NUMBERS, "versions", "summaries"} else None
    if what == "versions":
        return head | {"data": _plain(data, _VERSION)}
    if what == "summaries":
        own, system = data.get("self"), data.get("system")
        inner = {"self": _numbers(own) | _plain(own, ("version",)), "system": _numbers(system)}
        return head | {"data": _numbers(data) | inner}
    return head | {"data": _numbers(data)} if what in _NUMBERS else None


def _rows(what: str, answer: dict[str, Any], head: dict[str, Any], show: Show, *, one: bool) -> dict[str, Any] | None:
    key = what.removesuffix("s") if one else what
    found = answer.get(key)
    if found is None:
        return head if set(answer) <= set(_HEAD) else None
    if one:
        return head | {key: _row(what, found, show)} if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        return None
    return head | {key: [_row(what, row, show) for row in found]}


def _row(what: str, row: dict[str, Any], show: Show) -> dict[str, Any]:
    fields = _plain(row, _ROWS[what])
    fields |= {
        n: _plain(row[n], inner) for n, inner in _INNER.items() if n in _ROWS[what] and isinstance(row.get(n), dict)
    }
    if what == "vhosts":
        return fields
    name = show(str(row.get("name", "")))
    fields["name"], fields["url"] = name, _url(str(row.get("url", "")), str(row.get("name", "")), name)
    fields["tcUrl"] = _place(str(row.get("tcUrl", "")))
    return fields


def _plain(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Fields that are neither lists nor objects, and hold what they are there for."""
    found = _numbers(row)
    texts = {n: v for n, v in row.items() if n in _TEXTS and isinstance(v, str)} if isinstance(row, dict) else {}
    return {n: value for n, value in (found | texts).items() if n in names}


def _numbers(data: Any) -> dict[str, Any]:
    found = data if isinstance(data, dict) else {}
    return {n: value for n, value in found.items() if isinstance(value, int | float | bool)}


def _url(url: str, name: str, as_shown: str) -> str:
    """`/app/stream` with the name that is shown; nothing of a query."""
    path = url.partition("?")[0]
    return f"{path.removesuffix(name)}{as_shown}" if name and path.endswith(f"/{name}") else HIDDEN


def _place(url: str) -> str:
    """Where a client has connected to, without user, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if place else ""
