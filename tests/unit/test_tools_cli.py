"""The commands for tokens, audit, callbacks and explain, against the API itself on fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from chalicelib.ports.sending import Answer
from infra.cli.client import Api
from infra.cli.main import app
from tests.fakes import BOOTSTRAP
from tests.unit.v1_client import V1

Run = Callable[..., Any]


@pytest.fixture
def run(v1: V1, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; gives its JSON."""

    def serve(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        got = v1(request.method, request.url.raw_path.decode(), body)
        return httpx.Response(got.status, headers=got.headers, text=got.text)

    def api(cls: type[Api]) -> Api:
        return cls("http://sluice", BOOTSTRAP.api_secret, httpx.MockTransport(serve))

    monkeypatch.setattr(Api, "from_environment", classmethod(api))

    def call(*arguments: str, status: int = 0) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == status, (done.output, done.exception)
        shown = json.loads(done.stdout) if done.stdout else None
        assert CliRunner().invoke(app, [arguments[0], "--help"]).exit_code == 0
        return shown

    return call


def test_tokens_from_making_to_revoking(run: Run) -> None:
    made = run("tokens", "create", "bot", "--scope", "operate", "--days", "2")
    assert made["token"].startswith("sluice_")
    assert made["expires_at"]
    assert [t["id"] for t in run("tokens", "list")] == [made["id"]]
    assert run("tokens", "revoke", "bot", "--yes") == {"revoked": made["id"]}
    assert run("tokens", "list") == []
    run("tokens", "revoke", "bot", "--yes", status=1)
    assert [e["action"] for e in run("audit")] == ["revoke_token", "create_token"]


def test_a_check_ends_with_1_when_it_failed(run: Run, v1: V1) -> None:
    assert run("callbacks", "check", "https://h/")["ok"]
    v1.sender.answers = [Answer(None, b"", "the connection was refused", 1, "refused")]
    assert run("callbacks", "check", "https://h/", status=1)["step"] == "connect"


def test_signing_secrets_and_replay(run: Run) -> None:
    before = run("callbacks", "secret", "show")
    assert run("callbacks", "secret", "rotate")["previous"] == before["secret"]
    run("callbacks", "replay", "2026-11-20T00:00:00Z", status=1)
    run("callbacks", "set", "--target", "https://h/", "--on")
    for state in ("dead", "refused"):
        assert run("callbacks", "deliveries", "--state", state) == []


def test_explain(run: Run) -> None:
    told = run("explain", "live/x", "--param", f"?secret={BOOTSTRAP.publish_secret}")
    assert told["admission"]["allowed"]
    assert told["pushes"] == []


@pytest.mark.parametrize(
    "command", [["tokens", "list"], ["audit"], ["explain", "live/x"], ["callbacks", "secret", "show"]]
)
def test_people_get_words(run: Run, command: list[str]) -> None:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert done.stdout


def test_what_is_live_is_asked_for_by_name(run: Run, tmp_path: Path) -> None:
    assert run("test-cards", "list") == []
    for command in (
        ("test-cards", "start", "live/x"),
        ("test-cards", "stop", "live/x"),
        ("picture", "live/x", str(tmp_path / "x.jpg")),
        ("life", "live/x"),
        ("life", "01M82A8S4MVTD0W8BSXMH3VSD1"),
    ):
        run(*command, status=1)
    assert not (tmp_path / "x.jpg").exists()
