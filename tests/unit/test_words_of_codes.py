"""Whatever the product can say to a user has a code, and the console has words for it in Chinese: every code that is
written in the sources, or that the API's description lists, is looked up there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from chalicelib.routes.v1.docs import description
from edge.ffmpeg.abilities import NEEDED
from edge.push import reasons

ROOT: Final = Path(__file__).parents[2]
WORDS: Final = ROOT / "console" / "src" / "i18n"
CODE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ERRORS: Final = re.compile(r"\w+Error|Why|Waits|Problem")
"""What is made of a code, in words and for programs."""
NO_CONSOLE: Final = (
    "chalicelib/routes/oryx",
    "chalicelib/services/account/system.py",
    "chalicelib/services/edges",
    "chalicelib/services/pushing/slots.py",
    "chalicelib/services/recordings/uploads.py",
    "chalicelib/services/sources/bilibili.py",
    "chalicelib/services/sources/vlive.py",
)
"""What only nodes and clients of the compatible API hear."""
NODES_ONLY: Final = {"event_unknown"}


def _calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            yield from ((place, n) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _texts(value: ast.AST) -> Iterator[str]:
    """What a value is: a text, or one of two."""
    if isinstance(value, ast.IfExp):
        yield from (*_texts(value.body), *_texts(value.orelse))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def written() -> set[str]:
    """The codes that stand in the sources: given as `code=`, or behind the words of a reason."""
    found: set[str] = set()
    for _, call in _calls("chalicelib", "edge"):
        given = [k.value for k in call.keywords if k.arg in ("code", "error_code", "note_code")]
        if ERRORS.fullmatch(_name(call)) and _name(call) in ("Why", "Waits", "InvalidUrlError", "NoKeyError"):
            given += call.args[1:2]
        for value in given:
            found |= {text for text in _texts(value) if CODE.fullmatch(text)}
    return found


def described() -> set[str]:
    """The codes that the API's description lists."""

    def enums(value: Any, name: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            if name in ("code", "waits_code", "error_code"):
                yield from (text for text in value.get("enum", []) if text)
            for key, inner in value.items():
                yield from enums(inner, key)

    return set(enums(description()["components"]["schemas"]))


def in_chinese() -> set[str]:
    """The codes that the console has Chinese words for."""
    told = [(WORDS / f"{name}.zh.ts").read_text() for name in ("told", "codes")]
    findings = (WORDS / "health.zh.ts").read_text().partition("\n  findings: {")[2].partition("\n  }")[0]
    gaps = (WORDS / "zh.ts").read_text().partition("gapReasons: {")[2].partition("}")[0]
    rest = [re.findall(r"^ *(\w+): ", part, re.MULTILINE) for part in (*told, findings)]
    return {*re.findall(r"(\w+): ", gaps)}.union(*rest)


def of_pushes() -> set[str]:
    """What FFmpeg's words are put into."""
    return {code for code, _ in reasons._REASONS} | {"ffmpeg_failed", "source_unavailable"}


def test_every_code_has_words_in_chinese() -> None:
    assert (written() | described() | of_pushes()) - in_chinese() - NODES_ONLY == set()


def test_every_input_that_is_refused_is_refused_with_a_code() -> None:
    bare = [
        f"{place}:{call.lineno}"
        for place, call in _calls("chalicelib")
        if _name(call) == "InvalidInputError" and not any(k.arg in ("code", None) for k in call.keywords)
        if not place.startswith(NO_CONSOLE)
    ]
    assert bare == []


FREE_TEXT: Final = re.compile(
    r"(last_|disabled_)?(error|reason)|note|notes|message|why|detail|hint|said|text|words|warning|problem|explanation"
)
"""How fields are called that hold sentences for people."""
CODES: Final = {"code", "error_code", "note_code", "waits_code", "step"}
"""Beside one of these the console says it in words of its own."""
WITHOUT: Final = {
    # codes themselves
    "SessionShown.reason",
    "StreamShown.reason",
    # what the console says by itself
    "CallbacksShown.disabled_reason",
    "CallbacksShown.warning",
    "CallbackSettings.disabled_reason",
    "PlatformShown.hint",
    # on no page of the console: by API and command line alone
    "DeadLetterShown.error",
    "DomainCertificate.error",
    "DomainCheck.problem",
    "ReplicationShown.error",
    "SetAsideEventShown.reason",
    "SetAsideSegmentShown.reason",
    "chalicelib__routes__v1__stores__TrialShown.words",
    "chalicelib__routes__v1__stores__TrialShown.notes",
}


def test_what_is_said_in_words_is_said_by_a_code_too() -> None:
    bare = {
        f"{schema}.{name}"
        for schema, of in description()["components"]["schemas"].items()
        for name in of.get("properties", {})
        if FREE_TEXT.fullmatch(name) and not CODES & set(of["properties"])
    }
    assert bare == WITHOUT


def test_no_page_shows_such_words_as_they_are() -> None:
    """They are shown by what puts our own sentence before them."""
    shown = re.compile(r"(?<![=$])\{((?:\w+\??\.)+)(" + FREE_TEXT.pattern + r")\}")
    texts_of_the_page = {"p.", "words.", "more.", "line.", "toast.", "entry."}
    bare = {
        f"{path.name}: {found[1]}{found[2]}"
        for path in (ROOT / "console" / "src").rglob("*.tsx")
        for found in shown.finditer(path.read_text())
        if found[1] not in texts_of_the_page
    }
    # FFmpeg's own words, below ours, for who asks for them
    assert bare == {"restream-card.tsx: push.last_error"}


def test_what_an_ffmpeg_may_lack_is_named_in_chinese() -> None:
    features = (WORDS / "health.zh.ts").read_text().partition("FEATURES")[2].partition("};")[0]
    assert set(re.findall(r'^ *"?([\w ]+?)"?: ', features, re.MULTILINE)) == set(NEEDED)
