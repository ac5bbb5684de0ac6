"""Scopes for parts of the API, tokens for support, and what a second editor is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import access
from chalicelib.domain.errors import ForbiddenError, InvalidInputError
from chalicelib.domain.model.account import Credential
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.ports.store import Put
from chalicelib.routes.v1.base import OPERATIONS
from chalicelib.services.account.login import Login
from chalicelib.services.edges.callers import Callers
from chalicelib.wire.names import StreamName
from chalicelib.wire.questions import AuthorizeRequest
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP, FakeClock
from tests.unit.v1_client import V1

LEVELS: tuple[access.Scope, ...] = ("read", "operate", "admin")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SESSIONS = {"mine": "01JD0000000000000000000001", "other": "01JD0000000000000000000002"}
NEW = {"name": "D", "url": "rtmp://h/app/very-secret-key"}


def token(v1: V1, scope: str, **more: Any) -> str:
    made = v1("POST", "/v1/tokens", {"name": "t", "scope": scope, **more})
    assert made.status == 201, made.text
    return str(made.json["token"])


def destination(v1: V1, key: str = "k") -> str:
    made = v1("POST", "/v1/destinations", NEW | {"url": f"rtmp://h/app/{key}"})
    return f"/v1/destinations/{made.json['id']}"


# scopes


@given(
    st.sampled_from(LEVELS), st.sampled_from(LEVELS), st.sampled_from(["", "rooms", "rooms/r1", "nodes", "rooms/r*"])
)
def test_a_part_of_a_scope_covers_that_part_only(have: access.Scope, need: access.Scope, part: str) -> None:
    caller = access.Caller("x", have + (f":{part}" if part else ""))
    enough = LEVELS.index(have) >= LEVELS.index(need)
    assert access.may(caller, need, "rooms", ["r1"]) == (enough and part != "nodes")
    assert access.may(caller, need, "rooms") == (enough and part in ("", "rooms"))
    assert access.may(caller, need, "rooms", ["x1"]) == (enough and part in ("", "rooms"))
    assert caller.level == (have if not part else None)


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "root", "read:", "read:Rooms", "read:rooms/", "write:rooms", "read,operate", "admin:tokens"),
        *("read:backup", "operate:streams/[", "read " * 51, "admin:rooms/" + "x" * 201),
    ],
)
def test_what_is_no_scope_is_refused(v1: V1, bad: str) -> None:
    with pytest.raises(InvalidInputError, match=r"scope|glob"):
        access.grants_of(bad)
    assert v1("POST", "/v1/tokens", {"name": "t", "scope": bad}).status == 400


def test_a_part_that_the_api_does_not_have_is_named_with_those_it_has(v1: V1) -> None:
    answer = v1("POST", "/v1/tokens", {"name": "t", "scope": "read:romms"})
    assert answer.status == 400
    assert "rooms" in answer.json["detail"]


def test_the_refusal_says_which_scope_would_do() -> None:
    with pytest.raises(ForbiddenError, match=r"operate or operate:rooms.*has the scope read admin:nodes"):
        access.require(access.Caller("x", "read admin:nodes"), "operate", "rooms", ["r"])
    with pytest.raises(ForbiddenError, match="the scope admin;"):
        access.require(access.Caller("x", "read"), "admin", "tokens")


def test_a_token_for_one_part_does_that_and_nothing_else(v1: V1) -> None:
    path = destination(v1)
    held = token(v1, "operate:destinations")
    assert v1("GET", "/v1/destinations", token=held).status == 200
    assert v1("POST", f"{path}/disable", {}, token=held).status == 200
    assert v1("DELETE", path, token=held).status == 403
    for op in OPERATIONS.values():
        if op.scope is not None and not op.own and op.resource != "destinations":
            path = re.sub(r"\{\w+\}", "x", op.path)
            assert v1(op.method, path, token=held).status == 403, op


def test_a_token_for_one_destination_and_a_look_at_the_rest(v1: V1) -> None:
    mine, other = destination(v1), destination(v1, "other")
    held = token(v1, f"read operate:destinations/{mine.rsplit('/', 1)[1]}")
    assert v1("GET", "/v1/nodes", token=held).status == 200
    assert v1("POST", f"{mine}/disable", {}, token=held).status == 200
    refused = v1("POST", f"{other}/disable", {}, token=held)
    assert refused.status == 403
    assert "operate:destinations" in refused.json["detail"]
    alone = token(v1, f"read:destinations/{mine.rsplit('/', 1)[1]}")
    assert v1("GET", mine, token=alone).status == 200
    assert v1("GET", "/v1/destinations", token=alone).status == 403, "a listing shows all of them"


def test_settings_are_named_by_their_section(v1: V1) -> None:
    held = token(v1, "admin:settings/record")
    assert v1("PATCH", "/v1/settings/record", {"enabled": False}, token=held).status == 200
    assert v1("GET", "/v1/settings/publish", token=held).status == 403


def test_streams_and_recordings_are_named_by_their_stream(v1: V1) -> None:
    for name, ulid in SESSIONS.items():
        stream = StreamName(app="live", stream=name)
        session = Session(id=ulid, node="n", stream=stream, state="live", admitted_at=NOW)
        recording = Recording(id=f"R{name}", stream=stream, state="ready", started_at=NOW, updated_at=NOW)
        v1.store.commit(Put(session), Put(recording))
    held = token(v1, "operate:streams/live/m* read:recordings/live/m*")
    assert v1("GET", "/v1/recordings/Rmine", token=held).status == 200
    assert v1("GET", "/v1/recordings/Rother", token=held).status == 403
    assert v1("DELETE", f"/v1/streams/{SESSIONS['other']}", token=held).status == 403
    assert v1("DELETE", "/v1/streams/none", token=held).status == 403
    wiring.__dict__["questions"] = Asked()
    assert v1("DELETE", f"/v1/streams/{SESSIONS['mine']}", token=held).status in (202, 204)


class Asked:
    """A node that does what it is asked."""

    def ask(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}


def test_no_token_gives_itself_more_than_it_has(v1: V1) -> None:
    for scope in ("operate", "admin:rooms admin:settings admin:nodes", "admin:audit"):
        held = token(v1, scope)
        assert v1("POST", "/v1/tokens", {"name": "x", "scope": "admin"}, token=held).status == 403
        assert v1("POST", "/v1/password", {"password": "a-new-password"}, token=held).status == 403
        assert v1("GET", "/v1/backup", token=held).status == 403
        assert v1("POST", "/v1/restore", {}, token=held).status == 403


def test_a_node_lets_nobody_in_who_has_a_part_only(v1: V1) -> None:
    login = Login(v1.store, lambda: BOOTSTRAP, FakeClock(), lambda: "m" * 64)
    authority = Callers(wiring.auth, login)
    part = authority.decide(AuthorizeRequest(header=f"Bearer {token(v1, 'admin:rooms')}"))
    assert (part.allowed, part.scope) == (False, "")
    both = authority.decide(AuthorizeRequest(header=f"Bearer {token(v1, 'operate admin:rooms')}"))
    assert (both.allowed, both.scope) == (True, "operate")


def test_a_token_from_before_there_were_parts_goes_on(v1: V1) -> None:
    held = token(v1, "operate")
    (kept,) = [e for e in v1.store.rows.values() if isinstance(e, Credential)]
    old = kept.model_dump(exclude={"support"})
    v1.store.rows = {k: Credential.model_validate(old) if e is kept else e for k, e in v1.store.rows.items()}
    assert v1("GET", "/v1/nodes", token=held).status == 200


# support


CANARIES = ("room-secret-canary", "target-canary", "opaque-canary", "stream-key-canary", BOOTSTRAP.publish_secret)


def _fill(v1: V1) -> list[str]:
    """Secrets wherever there may be one; returns all of them."""
    room = v1("POST", "/v1/rooms", {"title": "r"}).json
    v1("PATCH", f"/v1/rooms/{room['id']}", {"secret": CANARIES[0]})
    v1(
        "PATCH",
        "/v1/settings/callbacks",
        {"target": f"https://h/{CANARIES[1]}", "opaque": CANARIES[2], "enabled": True},
    )
    v1("POST", "/v1/destinations", {"name": "d", "url": f"rtmp://h/app/{CANARIES[3]}"})
    return [*CANARIES, v1("POST", "/v1/callbacks/secret/rotate", {}).json["secret"]]


def test_support_reads_everything_but_secrets(v1: V1) -> None:
    secrets = _fill(v1)
    made = v1("POST", "/v1/tokens", {"name": "helper", "kind": "support"}).json
    assert (made["kind"], made["scope"]) == ("support", "read")
    room = v1("GET", "/v1/rooms").json["items"][0]["id"]
    for op in OPERATIONS.values():
        if op.scope is None or op.method != "GET":
            continue
        path = op.path.replace("{room}", room)
        answer = v1("GET", path, token=made["token"])
        assert answer.status == (403 if path == "/v1/backup" else 404 if "{" in path else 200), path
        assert not [s for s in secrets if s in answer.text], path
    assert v1("GET", "/v1/rooms", token=made["token"]).json["items"][0]["secret"] == "***"
    assert v1("GET", "/v1/settings/publish", token=made["token"]).json["secret"] == "***"
    assert v1("GET", "/v1/callbacks/secret", token=made["token"]).json["secret"] == "***"
    assert CANARIES[0] in v1("GET", "/v1/rooms").text, "who may change it sees it"


def test_support_changes_nothing(v1: V1) -> None:
    held = token(v1, "read", kind="support")
    for op in OPERATIONS.values():
        if op.scope is not None and op.changes and not op.own:
            path = op.path.replace("{", "").replace("}", "")
            assert v1(op.method, path, {}, token=held).status == 403, op
    assert v1("POST", "/v1/explain", {"stream": "live/x"}, token=held).status == 200


def test_support_ends_by_itself_and_is_told_apart(v1: V1) -> None:
    v1("POST", "/v1/tokens", {"name": "helper", "kind": "support"})
    (shown,) = v1("GET", "/v1/tokens").json["items"]
    left = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert shown["kind"] == "support"
    (entry,) = v1("GET", "/v1/audit").json["items"]
    assert entry["fields"]["kind"] == "support"
    late = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    assert v1("POST", "/v1/tokens", {"name": "h", "kind": "support", "expires_at": late}).status == 400
    assert v1("POST", "/v1/tokens", {"name": "h", "kind": "support", "scope": "admin"}).status == 400


# two editors


def test_the_second_editor_is_told_what_is_there_and_what_differs(v1: V1) -> None:
    path = destination(v1)
    seen = v1("GET", path)
    v1("PATCH", path, {"name": "Theirs", "streams": ["/live/*"]}, If_Match=seen.headers["etag"])
    sent = {"name": "Mine", "streams": ["/live/*"], "url": "rtmp://h/app/another-secret-key"}
    for late, status in (
        (v1("PATCH", path, sent, If_Match=seen.headers["etag"]), 412),
        (v1("PATCH", path, sent | {"version": seen.json["version"]}), 409),
    ):
        assert late.status == status
        assert late.headers["etag"] == late.json["etag"] == '"2"'
        assert late.json["current"]["name"] == "Theirs"
        assert late.json["differs"] == ["name", "url"]
        assert "secret-key" not in late.text
    merged = v1("PATCH", path, {"name": "Mine"}, If_Match=late.json["etag"])
    assert (merged.status, merged.json["streams"]) == (200, ["/live/*"])


@pytest.mark.parametrize("name", ["publish", "record", "callbacks", "limits"])
def test_all_settings_tell_a_second_editor(v1: V1, name: str) -> None:
    path = f"/v1/settings/{name}"
    changes: dict[str, dict[str, Any]] = {
        "publish": {"auth": False},
        "record": {"merge_window_s": 5},
        "callbacks": {"on_unreachable": "allow"},
        "limits": {"max_streams": 3},
    }
    change = changes[name]
    assert v1("PATCH", path, change, If_Match='"0"').status == 200
    late = v1("PATCH", path, dict.fromkeys(change) if name == "limits" else change, If_Match='"0"')
    assert late.status == 412
    assert late.json["current"].items() >= change.items()
    assert late.json["differs"] == (["max_streams"] if name == "limits" else [])


def test_who_may_edit_and_not_read_is_shown_no_secret(v1: V1) -> None:
    room = v1("POST", "/v1/rooms", {"title": "r"})
    path = f"/v1/rooms/{room.json['id']}"
    late = v1("PATCH", path, {"title": "x"}, If_Match='"9"')
    assert late.json["current"]["secret"] == room.json["secret"], "an administrator sees it anyway"
    assert v1("DELETE", path, If_Match='"9"').json["differs"] == []
