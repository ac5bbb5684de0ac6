"""The name of a file in a form, as browsers and programs write it, against the name in the path.

RFC 7578 (4.2) and the HTML standard put `"`, CR and LF into a name as `%22`, `%0D` and `%0A`, and leave all else as
it is; RFC 2616, curl and Go escape `"` with a backslash; RFC 6266 and older libraries give `filename*` alone, in the
form of RFC 5987; mail libraries write the words of RFC 2047; Windows once sent the whole path. Nothing says which of
them it is, so that every reading counts. Systems compose letters differently, too: macOS sends `u` and dots for `ü`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from chalicelib.wire.names import composed

_PARAMETER: Final = re.compile(rb';\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;]*))', re.DOTALL)
_OPEN: Final = re.compile(rb';\s*(filename)\s*=\s*"(.*)"[^"]*\Z', re.DOTALL | re.IGNORECASE)
_OF_HTML: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}


def parameters(disposition: bytes) -> dict[str, bytes]:
    """The parameters of a `Content-Disposition`, names in lower case, values without their quotes and as they came."""
    found: dict[str, bytes] = {}
    for name, quoted, plain in _PARAMETER.findall(disposition):
        found.setdefault(name.decode("ascii").lower(), quoted or plain.strip())
    return found


def is_file(disposition: bytes) -> bool:
    """Whether a part of a form is a file."""
    return bool({"filename", "filename*"} & parameters(disposition).keys())


def is_called(disposition: bytes, name: str) -> bool:
    """Whether a part's file is called `name`, by any reading of what it says."""
    wanted = composed(name)
    return any(composed(reading) == wanted for reading in _readings(disposition))


def shown(name: str) -> str:
    """A name as it is shown: as it was given, but for what would steer a terminal."""
    return "".join(c for c in name if unicodedata.category(c) != "Cc")


def _readings(disposition: bytes) -> Iterator[str]:
    found = parameters(disposition)
    if "filename*" in found:
        yield from _extended(found["filename*"])
    if "filename" not in found:
        return
    yield from _plain(found["filename"])
    # A name that ends with a backslash, or holds bare quotes, looks as if its quote did not close there.
    if whole := _OPEN.search(disposition):
        yield from _plain(whole[2])


def _plain(value: bytes) -> Iterator[str]:
    for text in dict.fromkeys((value.decode("utf-8", "replace"), value.decode("latin-1"))):
        unescaped = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
        for reading in dict.fromkeys((text, unescaped)):
            yield reading
            yield re.sub("%(?:22|0D|0A)", lambda found: _OF_HTML[found[0].upper()], reading, flags=re.IGNORECASE)
            yield unquote(reading)
        if re.match(r"[A-Za-z]:\\|\\\\", text):
            yield text.rpartition("\\")[2]
        yield from _words(text)


def _extended(value: bytes) -> Iterator[str]:
    """RFC 5987: `charset'language'percent-encoded`."""
    charset, _, rest = value.strip(b'"').partition(b"'")
    text = unquote_to_bytes(rest.partition(b"'")[2])
    try:
        yield text.decode(charset.decode("ascii", "replace") or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return


def _words(text: str) -> Iterator[str]:
    """RFC 2047: `=?utf-8?b?…?=`."""
    if "=?" not in text:
        return
    try:
        pieces = decode_header(text)
        yield "".join(p if isinstance(p, str) else p.decode(c or "ascii") for p, c in pieces)
    except (HeaderParseError, LookupError, UnicodeDecodeError, ValueError):
        return
