"""What looks like a secret is masked in whatever is written for people to read: logs, and the bundle for whoever helps.

Known secrets are masked by who knows them. This is for the ones that nobody there knows: tokens of links, keys of
others, what a library puts into its message. It errs on the side of masking.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "***"
_VALUE: Final = r"[^\s&\"'<>\\;,)\]}]+"
_NAMES: Final = (
    r"secret|token|passwd|password|passphrase|pwd|pw|access_key|secret_key|api_?key|key|sig|signature|auth|authkey|"
    r"credential|streamid|wsSecret|txSecret|hdnts|x-amz-[a-z-]+"
)
_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # JSON Web Tokens, wherever they are; those of links are a part of the path.
    (re.compile(r"(?<![A-Za-z0-9-])eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"), MASK),
    (re.compile(r"(/v1/shares/)[^/\s\"'\\]+"), rf"\1{MASK}"),
    (re.compile(r"(/console/sign-in#)" + _VALUE), rf"\1{MASK}"),
    (re.compile(r"\b(bearer|basic)(\s+)(?!token\b)[\w+/=.~-]{6,}", re.IGNORECASE), rf"\1\2{MASK}"),
    # Our own: of the API, nodes, joining, the API secret, callbacks, cookies.
    (re.compile(r"\bsluice_[\w-]{20,}"), MASK),
    (re.compile(r"\b(sluice_[0-9a-f]{8}=)" + _VALUE), rf"\1{MASK}"),
    (re.compile(r"\b(?:node|join)-[0-9a-f]{40,}\b|\bsrs-v2-[0-9a-f]{32}\b|\bwhsec_[\w+/=]{16,}"), MASK),
    # User and password, and the key at the end, of URLs that are pushed to or pulled from.
    (re.compile(r"(\w://)[^\s/@:\"'\\]{1,200}:[^\s/@\"'\\]{0,400}@"), rf"\1{MASK}@"),
    (
        re.compile(r"(\b(?:rtmp|rtmps|rtmpt|rtmpe|rtmpts)://[^\s\"'?#\\]{0,400}/)[^\s\"'/?#\\]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    # `name=value` as in queries, `"name": "value"` as in JSON.
    (
        re.compile(rf"((?:\b|[?&_]|%3[Ff]|%26)(?:\w{{0,40}}_)?(?:{_NAMES})(?:=|%3[Dd])){_VALUE}", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"(\"(?:\w{0,40}_)?(?:secret|token|password|passphrase|authorization|cookie)\\*\"\s*:\s*\\*\")[^\"\\]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)


def masked(text: str) -> str:
    """The text with all that looks like a secret masked."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
