"""Patterns over `/app/stream`, as the recording and destination settings use them.

`*` any run without `/`, `?` one character except `/`, `[...]` a class with ranges and leading `^`, backslash escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .errors import InvalidInputError


def _class(pattern: str, start: int) -> tuple[str, int]:
    """Translate the class whose `[` is at `start`; returns (regex, index after the class)."""
    i = start + 1
    negate = pattern[i : i + 1] == "^"
    i += negate
    members: list[str] = []
    while i < len(pattern) and (pattern[i] != "]" or not members):
        if pattern[i] == "\\":
            i += 1
        if i >= len(pattern):
            break
        low = pattern[i]
        if pattern[i + 1 : i + 2] == "-" and pattern[i + 2 : i + 3] not in ("", "]"):
            high = pattern[i + 2]
            if high < low:
                raise InvalidInputError("glob", "a range in [...] runs backwards", code="pattern_malformed")
            members.append(f"{re.escape(low)}-{re.escape(high)}")
            i += 3
        else:
            members.append(re.escape(low))
            i += 1
    if i >= len(pattern):
        raise InvalidInputError("glob", "a [ is never closed", code="pattern_malformed")
    return f"(?!/)[{'^' if negate else ''}{''.join(members)}]", i + 1


@lru_cache(maxsize=512)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern.

    Raises:
        InvalidInputError: it is empty, too long or malformed.
    """
    if not pattern or len(pattern) > 200:
        raise InvalidInputError(
            "glob", "a pattern has 1 to 200 characters", code="length_out_of_range", least=1, most=200
        )
    out: list[str] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "[":
            piece, i = _class(pattern, i)
            out.append(piece)
            continue
        if c == "\\":
            i += 1
            if i >= len(pattern):
                raise InvalidInputError("glob", "a backslash at the end escapes nothing", code="pattern_malformed")
            out.append(re.escape(pattern[i]))
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(c) or re.escape(c))
        i += 1
    return re.compile("".join(out), re.DOTALL)


def matches_any(patterns: Iterable[str], app: str, stream: str) -> bool:
    """Whether `/app/stream` matches at least one pattern; no patterns at all match everything."""
    globs = list(patterns)
    path = f"/{app}/{stream}"
    return not globs or any(compile_glob(g).fullmatch(path) for g in globs)
