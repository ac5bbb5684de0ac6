"""What the answer to a trial callback means, in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from .callbacks import GONE, is_yes

Step = Literal["url", "dns", "address", "connect", "tls", "timeout", "status", "body", "done"]

_FAILURES: Final[dict[str, tuple[Step, str]]] = {
    "url": ("url", "write the whole URL, such as https://example.com/hook"),
    "dns": (
        "dns",
        "check the spelling of the host, and that its name is public: the callbacks are sent from the cloud",
    ),
    "address": (
        "address",
        "use a public address; the operator may allow private ones with SLUICE_ALLOW_PRIVATE_TARGETS=true",
    ),
    "refused": ("connect", "nothing listens there: check the port, and that the server and its firewall let us in"),
    "tls": (
        "tls",
        "the certificate must be valid for the host, its chain complete; or switch verify_tls off",
    ),
    "timeout": ("timeout", "answer within 5 seconds; do the work after the answer"),
    "size": ("body", "answer with 0 or a small JSON object; at most 64 KB are read"),
    "other": ("connect", "the server ended the connection; look at its log"),
}

_FROM_THE_NODE: Final = {
    "dns": "check the spelling of the host, and that the node can resolve it: it sends the callbacks",
    "address": "name another machine: a node sends callbacks to itself only with SLUICE_CALLBACKS_TO_SELF=allow",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a trial came, what happened there, and what to do about it ('' when all is well)."""

    ok: bool
    step: Step
    explanation: str
    hint: str


def _of_status(status: int) -> Verdict:
    words = f"the target answered with status {status} instead of 200"
    if 300 <= status < 400:
        return Verdict(False, "status", words, "redirects are not followed; set the final URL as the target")
    if status in (401, 403):
        return Verdict(False, "status", words, "the target asks for credentials; verify our signature instead")
    if status == GONE:
        return Verdict(False, "status", words, "410 means that it wants no callbacks; a real one would switch them off")
    if status >= 500:
        return Verdict(False, "status", words, "the receiver failed; look at its log")
    return Verdict(False, "status", words, "check the path of the URL, and that it takes POST")


def verdict(failure: str | None, error: str, status: int | None, body: bytes, *, by_edge: bool = False) -> Verdict:
    """What became of a trial callback; `by_edge`: a node sent it."""
    if status is None:
        if by_edge and failure in _FROM_THE_NODE:
            return Verdict(False, "dns" if failure == "dns" else "address", error, _FROM_THE_NODE[failure])
        step, hint = _FAILURES.get(failure or "other", _FAILURES["other"])
        return Verdict(False, step, error, hint)
    if status != 200:
        return _of_status(status)
    if not is_yes(status, body):
        hint = 'answer 0 or {"code": 0}, also to an action that the receiver does not know'
        return Verdict(False, "body", "the target answered with status 200, but its body does not mean yes", hint)
    return Verdict(True, "done", "the target took the callback", "")
