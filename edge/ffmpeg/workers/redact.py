"""Takes secrets out of what FFmpeg says before anyone else sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

MASK: Final = "***"
# The colon with which FFmpeg ends a URL before it says what is wrong with it is not part of the URL.
_URL: Final = re.compile(
    r"\b([a-z][a-z0-9+.-]*)://(?:[^\s/?#@'\"]*@)?([^\s/?#'\"]*?)(?:[/?#][^\s'\"]*?)?(?=:?(?:[\s'\"]|$))", re.IGNORECASE
)
_SEPARATORS: Final = re.compile(r"[/?&=,#!:;]+")
_SHORT: Final = 4


def url_secrets(url: str) -> set[str]:
    """The parts of a URL that may be secret: credentials, the path behind the application, the query, the fragment.

    Each is given whole, in its pieces (a `streamid` of SRT nests a path and keys), and percent-decoded. Without a
    second path segment the first one counts, because then nothing tells an application from a key.
    """
    parts = urlsplit(url)
    segments = [s for s in parts.path.split("/") if s]
    key_path = segments[1:] or segments
    values = [pair.partition("=")[2] or pair for pair in parts.query.split("&")]
    whole = [*key_path, "/".join(key_path), parts.query, *values, parts.fragment]
    userinfo = parts.netloc.rpartition("@")[0]
    whole += [userinfo, *userinfo.split(":", 1)]
    # urlsplit cuts at '#', with which the streamid of SRT begins.
    pieces = [piece for value in [*values, parts.fragment] for piece in _SEPARATORS.split(unquote(value))]
    found = {form for value in [*whole, *pieces] for form in (value, unquote(value), unquote_plus(value))}
    return {value for value in found if value.strip()}


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` with every URL cut down to its scheme and host, and every secret masked wherever else it stands.

    A secret of fewer than four characters is masked only where it stands alone: masking every letter `a` would leave
    no message, and hide nothing.
    """
    text = _URL.sub(rf"\1://\2/{MASK}", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORT:
            text = text.replace(secret, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return text
