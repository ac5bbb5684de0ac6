"""Every kind of credentials, once it has expired, was revoked or rotated away, opens nothing by any route to the same
data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
import pytest

from chalicelib.domain.ids import token_hash
from chalicelib.domain.model.account import Credential
from chalicelib.domain.model.recordings import Recording
from chalicelib.ports.store import Put
from chalicelib.services.recordings.shares import Shares
from chalicelib.wire.names import StreamName
from chalicelib.wire.play import QUERY, play_key, play_refusal, play_token
from chalicelib.wire.questions import AuthorizeRequest
from chalicelib.wiring.installation import now
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP
from tests.security.browser import Browser
from tests.unit.v1_client import V1, v1_on_fakes

PASSWORD = BOOTSTRAP.admin_password
MEDIA = "/terraform/v1/hooks/record/hls/r1"


@pytest.fixture
def v1() -> Iterator[V1]:
    with v1_on_fakes() as made:
        recording = {"id": "r1", "state": "ready", "started_at": now(), "updated_at": now()}
        made.store.commit(Put(Recording.model_validate(recording | {"stream": StreamName(app="live", stream="x")})))
        yield made


@dataclass
class Shown:
    """Credentials, and the ways in which they are shown. A way: method, path, headers, body."""

    ways: list[tuple[str, str, dict[str, str], Any]]
    good: bool = True


def _bearer(token: str, *, compatible: bool) -> Shown:
    header = {"Authorization": f"Bearer {token}"}
    ways: list[tuple[str, str, dict[str, str], Any]] = [
        ("GET", "/v1/recordings/r1", header, None),
        ("GET", "/v1/recordings", header, None),
        ("GET", "/v1/me", header, None),
        ("GET", f"{MEDIA}/index.mp4", header, None),
    ]
    if compatible:
        ways += [("POST", f"/terraform/v1/{path}", header, {}) for path in ("hooks/record/files", "mgmt/token")]
    return Shown(ways)


def _jwt(token: str) -> Shown:
    posts = ("hooks/record/files", "mgmt/token", "mgmt/status", "mgmt/secret/query")
    ways: list[tuple[str, str, dict[str, str], Any]] = [
        ("POST", f"/terraform/v1/{path}", {}, {"token": token}) for path in posts
    ]
    return Shown([*ways, ("GET", f"{MEDIA}/index.mp4?token={token}", {}, None)])


def _share(token: str) -> Shown:
    return Shown(
        [
            ("GET", f"/v1/shares/{token}/index.mp4", {}, None),
            ("HEAD", f"/v1/shares/{token}/index.mp4", {}, None),
            ("GET", f"{MEDIA}/index.mp4?token={token}", {}, None),
        ]
    )


def _node(token: str) -> Shown:
    header = {"Authorization": f"Bearer {token}"}
    return Shown(
        [
            ("POST", "/edge/v1/events", header, {"events": []}),
            ("POST", "/edge/v1/authorize", header, {"header": "Bearer x"}),
            ("POST", "/edge/v1/results/x", header, {"outcome": "failed"}),
            ("POST", "/edge/v1/publish", header, {
                "session": "01JD0000000000000000000001", "at": "2026-11-22T12:00:00Z", "client_id": "c",
                "stream": {"app": "live", "stream": "x"}, "service_id": "s"}),
        ]
    )  # fmt: skip


def statuses(v1: V1, shown: Shown) -> list[int]:
    found = []
    for method, path, headers, body in shown.ways:
        content = b"" if body is None else json.dumps(body).encode()
        found.append(int(v1.client.http.request(method, path, headers=headers, body=content).status_code))
    return found


def age(v1: V1, token: str, **more: Any) -> None:
    """Change what is kept of a token: by default, it has expired."""
    kept = wiring.store.get(Credential, token_hash(token))
    assert kept is not None
    v1.store.commit(Put(kept.model_copy(update=more or {"expires_at": now() - timedelta(seconds=1)})))


def check(v1: V1, shown: Shown, end: Callable[[], Any]) -> None:
    """Good before, good for nothing after."""
    assert not [s for s in statuses(v1, shown) if s in (401, 403)], "it has to be good first"
    end()
    assert all(s in (401, 403) for s in statuses(v1, shown)), statuses(v1, shown)


def make(v1: V1, **more: Any) -> str:
    return str(v1("POST", "/v1/tokens", {"name": "t", "scope": "read", **more}).json["token"])


@pytest.mark.parametrize("how", ["expired", "revoked", "marked"])
@pytest.mark.parametrize("kind", ["api", "support"])
def test_tokens_of_the_api(v1: V1, how: str, kind: str) -> None:
    token = make(v1, kind=kind)
    identity = token_hash(token)[:16]
    ends: dict[str, Callable[[], Any]] = {
        "expired": lambda: age(v1, token),
        "marked": lambda: age(v1, token, revoked=True),
        "revoked": lambda: v1("DELETE", f"/v1/tokens/{identity}"),
    }
    check(v1, _bearer(token, compatible=False), ends[how])
    asked = wiring.callers.decide(AuthorizeRequest(header=f"Bearer {token}"))
    assert not asked.allowed, "nor at a node"


def test_the_api_secret(v1: V1) -> None:
    check(v1, _bearer(BOOTSTRAP.api_secret, compatible=True), lambda: v1("POST", "/v1/api-secret", {}))
    assert not wiring.callers.decide(AuthorizeRequest(header=f"Bearer {BOOTSTRAP.api_secret}")).allowed


def _sid(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])


@pytest.mark.parametrize("how", ["expired", "ended", "all ended", "password"])
def test_logins_of_the_compatible_api(v1: V1, how: str) -> None:
    token = wiring.login.login(PASSWORD, "192.0.2.1").token
    ends: dict[str, Callable[[], Any]] = {
        "expired": lambda: age(v1, _sid(token)),
        "ended": lambda: v1("DELETE", f"/v1/logins/{token_hash(_sid(token))[:16]}"),
        "all ended": lambda: v1("DELETE", "/v1/logins"),
        "password": lambda: v1("POST", "/v1/password", {"password": "another-password"}),
    }
    check(v1, _jwt(token), ends[how])
    assert not wiring.callers.decide(AuthorizeRequest(token=token)).allowed


@pytest.mark.parametrize("how", ["expired", "ended", "password", "rotated"])
def test_tokens_that_the_api_secret_was_shown_for(v1: V1, how: str) -> None:
    token = wiring.login.token_of_secret().token
    ends: dict[str, Callable[[], Any]] = {
        "expired": lambda: age(v1, _sid(token)),
        "ended": lambda: v1("DELETE", f"/v1/logins/{token_hash(_sid(token))[:16]}"),
        "password": lambda: v1("POST", "/v1/password", {"password": "another-password"}),
        "rotated": lambda: v1("POST", "/v1/api-secret", {}),
    }
    check(v1, _jwt(token), ends[how])


@pytest.mark.parametrize("how", ["expired", "ended", "logout", "password"])
def test_cookies(v1: V1, how: str) -> None:
    page = Browser(v1)
    page.log_in(PASSWORD)
    (secret,) = page.cookies.values()
    ways: list[tuple[str, str, dict[str, str], Any]] = [
        ("GET", "/v1/recordings/r1", page.headers(), None),
        ("GET", "/v1/me", page.headers(), None),
        ("POST", "/v1/recordings/r1/shares", page.headers(), {}),
    ]
    ends: dict[str, Callable[[], Any]] = {
        "expired": lambda: age(v1, secret),
        "ended": lambda: v1("DELETE", f"/v1/logins/{token_hash(secret)[:16]}"),
        "logout": lambda: page("POST", "/v1/logout"),
        "password": lambda: v1("POST", "/v1/password", {"password": "another-password"}),
    }
    check(v1, Shown(ways), ends[how])


def test_links_that_sign_in(v1: V1) -> None:
    for end in (lambda t: age(v1, t), lambda t: Browser(v1)("POST", "/v1/sign-in", {"token": t})):
        token = v1("POST", "/v1/sign-in-links", {}).json["path"].partition("#")[2]
        end(token)
        assert Browser(v1)("POST", "/v1/sign-in", {"token": token}).status == 401


def test_links_of_recordings(v1: V1) -> None:
    good = Shares(now, wiring.vault.master)
    token, _ = good.token("r1", 3600)
    late, _ = Shares(lambda: now() - timedelta(hours=2), wiring.vault.master).token("r1", 3600)
    foreign, _ = Shares(now, lambda: "another installation").token("r1", 3600)
    assert not [s for s in statuses(v1, _share(token)) if s in (401, 403)]
    for bad in (late, foreign, token[:-2], "x"):
        assert all(s in (401, 403) for s in statuses(v1, _share(bad)))


def test_join_tokens(v1: V1) -> None:
    def enrol(token: str, nonce: str) -> int:
        body = {"join_token": token, "nonce": nonce * 32, "name": "e", "agent_version": "1"}
        return v1("POST", "/edge/v1/enroll", body).status

    late, used = (v1("POST", "/v1/join-tokens", {}).json["token"] for _ in range(2))
    age(v1, late)
    assert (enrol(late, "a"), enrol(used, "b"), enrol(used, "c"), enrol(used, "b")) == (401, 200, 401, 200)


@pytest.mark.parametrize("how", ["revoked", "expired", "enrolled again"])
def test_tokens_of_nodes(v1: V1, how: str) -> None:
    body = {"join_token": BOOTSTRAP.join_token, "nonce": "d" * 32, "name": "e", "agent_version": "1"}
    given = v1("POST", "/edge/v1/enroll", body).json
    ends: dict[str, Callable[[], Any]] = {
        "revoked": lambda: v1("DELETE", f"/v1/nodes/{given['node']}"),
        "expired": lambda: age(v1, given["token"]),
        "enrolled again": lambda: v1("POST", "/edge/v1/enroll", body),
    }
    check(v1, _node(given["token"]), ends[how])


def test_links_to_watch() -> None:
    first, second = (play_key("m", "n1", generation) for generation in (0, 1))
    at = 1_800_000_000
    shown = f"?{QUERY}={play_token(first, 'live/x', at + 60)}"
    assert play_refusal(first, "live/x", shown, at) is None
    assert play_refusal(first, "live/x", shown, at + 60)
    assert play_refusal(second, "live/x", shown, at), "the generation was raised"
    assert play_refusal(play_key("m", "n2", 0), "live/x", shown, at), "another node's"
    assert play_refusal(first, "//live/x", shown, at)
