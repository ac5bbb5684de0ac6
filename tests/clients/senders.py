"""Programs and libraries that send HTTP requests, each in its own way and with nothing that it is not told to add."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from .conftest import program

PROGRAMS = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Wanted:
    """A request."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Got:
    """What came back, redirects followed."""

    status: int
    type: str
    body: bytes


Sender = Callable[[Path, list[Wanted]], list[Got]]


def _by_program(argv: list[str], wanted: list[Wanted]) -> list[Got]:
    sent = json.dumps([w.__dict__ for w in wanted]).encode()
    done = subprocess.run(argv, input=sent, capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [Got(g["status"], g["type"], base64.b64decode(g["body"])) for g in json.loads(done.stdout)]


def _go(folder: Path, wanted: list[Wanted]) -> list[Got]:
    built = str(folder / "client")
    subprocess.run([program("go", "golang-go"), "build", "-o", built, str(PROGRAMS / "client.go")], check=True)
    return _by_program([built], wanted)


def _node(name: str) -> Sender:
    return lambda _, wanted: _by_program([program("node", "nodejs"), str(PROGRAMS / f"{name}.mjs")], wanted)


def _urllib(_: Path, wanted: list[Wanted]) -> list[Got]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return [_by_urllib(opener, w) for w in wanted]


def _by_urllib(opener: urllib.request.OpenerDirector, w: Wanted) -> Got:
    request = urllib.request.Request(w.url, w.body.encode() or None, w.headers, method=w.method)
    try:
        with opener.open(request, timeout=20) as answer:
            return Got(answer.status, answer.headers.get("Content-Type", ""), answer.read())
    except urllib.error.HTTPError as error:
        return Got(error.code, error.headers.get("Content-Type", ""), error.read())


def _requests(_: Path, wanted: list[Wanted]) -> list[Got]:
    with requests.Session() as session:
        session.trust_env = False
        answers = [session.request(w.method, w.url, headers=w.headers, data=w.body.encode()) for w in wanted]
    return [Got(a.status_code, a.headers.get("Content-Type", ""), a.content) for a in answers]


def _curl(*without: str) -> Sender:
    def send(folder: Path, wanted: list[Wanted]) -> list[Got]:
        return [_by_curl(folder, w, without) for w in wanted]

    return send


def _by_curl(folder: Path, w: Wanted, without: tuple[str, ...]) -> Got:
    headers = [f"{name}: {value}" for name, value in w.headers.items()] + [f"{name}:" for name in without]
    argv = [program("curl", "curl"), "--noproxy", "*", "-sSL", "-X", w.method, "-o", str(folder / "body"), w.url]
    argv += [word for header in headers for word in ("-H", header)]
    argv += ["--data-binary", w.body] if w.body else []
    (folder / "body").unlink(missing_ok=True)
    done = subprocess.run([*argv, "-w", "%{http_code} %{content_type}"], capture_output=True, check=True, timeout=30)
    status, _, kind = done.stdout.decode().partition(" ")
    return Got(int(status), kind, (folder / "body").read_bytes() if (folder / "body").exists() else b"")


SENDERS: dict[str, Sender] = {
    "Go net/http": _go,
    "Node http": _node("http"),
    "Node fetch": _node("fetch"),
    "Python urllib": _urllib,
    "Python requests": _requests,
    "curl": _curl(),
    "curl without Accept and User-Agent": _curl("Accept", "User-Agent"),
}
