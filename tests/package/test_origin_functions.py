"""The functions of the one origin in Node, held against the rules in Python that make what they check."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest

from chalicelib.domain import links, viewers
from chalicelib.services.recordings.library import ARTIFACTS
from chalicelib.wire.recording import SegmentKey
from console.build import node_program
from edge.web.front.paths import PAGES_OF_OTHER_NAMES
from infra.aws.package import merge_template
from infra.aws.vendor import Target

KEY, OTHER = links.key_of("m" * 64), links.key_of("n" * 64)
VIEWERS = viewers.key_of("m" * 64)
ID = "0191e0b6-7a0e-7c1e-8f3a-0123456789ab"
NODE, SESSION = "0191e0b6-7a0e-7c1e-8f3a-0123456789ac", "01JD0000000000000000000001"
SEGMENT = f"{NODE}/{SESSION}/00000000-2000.ts"
MOST = 10 * 1024
_RUN = """
const { code, events, keys } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const kvs = () => ({ get: async (key) => { if (!(key in keys)) throw new Error('KeyNotFound'); return keys[key]; } });
const modules = { cloudfront: { kvs }, crypto: require('crypto') };
const body = code.replace(/^import (\\w+) from '(\\w+)';$/gm, "const $1 = modules['$2'];");
const handler = new Function('modules', body + '; return handler;')(modules);
Promise.all(events.map((e) => handler(e))).then((all) => console.log(JSON.stringify(all)));
"""


def _code(name: str) -> str:
    functions = merge_template(Target("arm64", "3.12"))["Resources"]
    return str(functions[name]["Properties"]["FunctionCode"])


def _run(name: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    sent = json.dumps(
        {
            "code": _code(name),
            "events": events,
            "keys": {"recordings": KEY.decode(), "viewers": VIEWERS},
        }
    )
    argv = [str(node_program()), "-e", _RUN]
    done = subprocess.run(argv, input=sent, capture_output=True, text=True, check=True, timeout=60)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _viewer(uri: str, ip: str = "192.0.2.7", **query: str) -> dict[str, Any]:
    asked = {name: {"value": value} for name, value in query.items()}
    return {"viewer": {"ip": ip}, "request": {"method": "GET", "uri": uri, "querystring": asked, "headers": {}}}


@pytest.mark.parametrize("name", ["RecordingsFunction", "SavedFunction", "ClientFunction", "SiteFunction"])
def test_a_function_is_as_small_as_cloudfront_wants_it(name: str) -> None:
    assert len(_code(name).encode()) <= MOST


def test_it_opens_what_the_rules_open_and_nothing_else() -> None:
    now = time.time()
    tokens = [
        links.make_token(KEY, ID, now + 100),
        links.make_token(KEY, ID, now - 1),
        links.make_token(OTHER, ID, now + 100),
        links.make_token(KEY, ID.replace("0", "1"), now + 100),
        links.make_token(KEY, ID, 2**40),
        "",
        "x",
        "0-0",
    ]
    tokens += [tokens[0][:-1], tokens[0] + "0", tokens[0].upper(), tokens[0].replace("-", "_")]
    said = _run("RecordingsFunction", *(_viewer(f"/recordings/{token}/{ID}/index.mp4") for token in tokens))
    opened = ["statusCode" not in answer for answer in said]
    assert opened == [links.opens(KEY, token, ID, now) for token in tokens]
    assert said[0]["uri"] == f"/recordings/{ID}/index.mp4"


def test_it_lets_by_the_names_that_the_library_knows_and_no_others() -> None:
    names = [
        "index.mp4",
        "index-2.mp4",
        "index-10.mp4",
        "index-9999.mp4",
        "index-1.mp4",
        "index-0.mp4",
        "index-02.mp4",
        "index.m3u8",
        "thumbnail.jpg",
        "manifest.json",
        "thumbnail.jpg.x",
        "",
        "/",
        ".",
        "..",
        "../x",
        "%2e%2e/index.mp4",
        "index.mp4/",
        "index.mp4%00",
        "index.mp4\n",
        SEGMENT,
        SEGMENT.replace(".ts", "-d.ts"),
        SEGMENT.replace(".ts", "-x.ts"),
        f"/{SEGMENT}",
        SEGMENT.replace("00000000", "0000000"),
        SEGMENT.replace(SESSION, "x"),
        f"{NODE}/{SESSION}/manifest.json",
    ]
    token = links.make_token(KEY, ID, time.time() + 100)
    said = _run("RecordingsFunction", *(_viewer(f"/recordings/{token}/{ID}/{name}") for name in names))
    known = [bool(ARTIFACTS.fullmatch(n)) or SegmentKey.parse(f"recordings/{ID}/{n}") is not None for n in names]
    assert ["statusCode" not in answer for answer in said] == known


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_the_address_that_it_tells_is_proven(address: str) -> None:
    (said,) = _run("ClientFunction", _viewer("/v1/streams", address))
    header = said["headers"][viewers.HEADER]["value"]
    assert viewers.proven(VIEWERS, header, time.time()) == address
    assert viewers.proven(VIEWERS, header, time.time() + 120) == ""
    assert viewers.proven(viewers.key_of("n" * 64), header, time.time()) == ""


def test_pages_have_their_files() -> None:
    pages = {
        "/console": "/console/app/index.html",
        "/console/recordings/x": "/console/app/index.html",
        "/console/app/icon.svg": "/console/app/icon.svg",
        "/favicon.ico": "/favicon.ico",
        **PAGES_OF_OTHER_NAMES,
    }
    assert [answer["uri"] for answer in _run("SiteFunction", *map(_viewer, pages))] == list(pages.values())
    lost = ["/nothing", "/recordings", "/players/../console", "/console/app/assets", "/site/console", "/.git/config"]
    said = _run("SiteFunction", *map(_viewer, lost))
    assert {a.get("statusCode", a.get("uri")) for a in said} <= {404, "/console/app/index.html"}
    assert [a["statusCode"] for a in _run("SiteFunction", _viewer("/"), _viewer("/mgmt/x"))] == [302, 302]


@pytest.mark.parametrize(
    ("asked", "header"),
    [
        ("film.mp4", 'attachment; filename="film.mp4"'),
        ("%E7%89%87.mp4", "attachment; filename=\"_.mp4\"; filename*=UTF-8''%E7%89%87.mp4"),
        ("a%22%3B%20x=%22b", 'attachment; filename="a-; x=-b"'),
        ("a%0d%0aSet-Cookie:x", 'attachment; filename="a--Set-Cookie-x"'),
        ("..%2f..%2fx", 'attachment; filename="..-..-x"'),
        ("%", None),
        ("x" * 201, f'attachment; filename="{"x" * 200}"'),
    ],
)
def test_what_is_downloaded_has_its_name_and_no_header_of_the_askers(asked: str, header: str | None) -> None:
    event = _viewer("/recordings/x", download=asked) | {"response": {"statusCode": 200, "headers": {}}}
    (said,) = _run("SavedFunction", event)
    assert said["headers"].get("content-disposition", {}).get("value") == header
