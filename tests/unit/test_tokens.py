"""Tokens, scopes, audit, ETags and repeated requests of `/v1`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from ulid import ULID

from chalicelib.domain import access
from chalicelib.domain.errors import ConflictError, ForbiddenError, InvalidInputError, ReusedKeyError
from chalicelib.domain.model.account import AuditEntry, Credential, KeptAnswer
from chalicelib.ports.store import Put
from chalicelib.routes.v1.base import OPERATIONS
from chalicelib.routes.v1.protocol import audited
from chalicelib.services.account.audit import Audit
from chalicelib.services.account.idempotency import Idempotency
from tests.fakes import BOOTSTRAP, FakeClock, MemoryStore
from tests.unit.v1_client import V1

SCOPES: tuple[access.Scope, ...] = ("read", "operate", "admin")
NEW = {"name": "D", "url": "rtmp://h/app/very-secret-key"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


# scopes


@given(st.sampled_from(SCOPES), st.sampled_from(SCOPES))
def test_a_scope_allows_itself_and_what_is_below(have: access.Scope, need: access.Scope) -> None:
    assert access.allows(have, need) == (SCOPES.index(have) >= SCOPES.index(need))
    if not access.allows(have, need):
        with pytest.raises(ForbiddenError, match=need):
            access.require(access.Caller("x", have), need)


@given(st.timedeltas(min_value=timedelta(days=-4000), max_value=timedelta(days=4000)))
def test_a_token_ends_in_the_future_and_not_too_far_away(life: timedelta) -> None:
    if timedelta() < life <= access.MAX_LIFE:
        assert access.expiry(NOW + life, NOW) == NOW + life
    else:
        with pytest.raises(InvalidInputError):
            access.expiry(NOW + life, NOW)
    with pytest.raises(InvalidInputError, match="time zone"):
        access.expiry(datetime(2030, 1, 1), NOW)  # noqa: DTZ001 - that is the point


def test_every_operation_says_its_scope() -> None:
    opened = {op.path for op in OPERATIONS.values() if op.scope is None}
    signing_in = {"/v1/login", "/v1/sign-in"}
    assert opened == {p for p in opened if p.startswith("/v1/shares/")} | {"/v1/health"} | signing_in
    for op in OPERATIONS.values():
        if op.changes and op.scope is not None and not op.own:
            assert op.scope in ("operate", "admin"), op


def _token(v1: V1, scope: str, **more: str) -> str:
    made = v1("POST", "/v1/tokens", {"name": f"{scope}-token", "scope": scope, **more})
    assert made.status == 201
    return str(made.json["token"])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_what_its_scope_allows_and_no_more(v1: V1, scope: access.Scope) -> None:
    token = _token(v1, scope)
    for op in OPERATIONS.values():
        if op.scope is None or op.own:
            continue
        path = op.path
        for name in ("{node}", "{session}", "{recording}", "{destination}", "{delivery}", "{token}", "{name}"):
            path = path.replace(name, "0" * 26)
        if "/recordings/" in path and op.method != "GET":
            continue
        refused = v1(op.method, path, token=token).status == 403
        assert refused == (not access.allows(scope, op.scope)), op


# tokens


def test_a_token_is_shown_once_and_kept_as_a_hash(v1: V1) -> None:
    token = _token(v1, "read")
    assert token.startswith("sluice_")
    assert token not in str(v1.store.rows.values())
    listed = v1("GET", "/v1/tokens")
    assert token not in listed.text
    assert [t["name"] for t in listed.json["items"]] == ["read-token"]


def test_a_revoked_token_ends_at_once(v1: V1) -> None:
    token = _token(v1, "read")
    assert v1("GET", "/v1/nodes", token=token).status == 200
    (shown,) = v1("GET", "/v1/tokens").json["items"]
    assert shown["last_used"]
    assert v1("DELETE", f"/v1/tokens/{shown['id']}").status == 204
    assert v1("GET", "/v1/nodes", token=token).status == 401
    assert v1("DELETE", f"/v1/tokens/{shown['id']}").status == 404
    assert v1("DELETE", f"/v1/tokens/{shown['id'][:8]}").status == 404


def test_a_use_is_written_down_once_a_minute(v1: V1) -> None:
    token = _token(v1, "read")
    for _ in range(5):
        v1("GET", "/v1/nodes", token=token)
    (kept,) = [e for e in v1.store.rows.values() if isinstance(e, Credential)]
    assert kept.version == 2
    assert kept.last_used is not None
    assert not access.use_is_news(kept, kept.last_used + timedelta(seconds=59))
    assert access.use_is_news(kept, kept.last_used + timedelta(seconds=60))


def test_an_expired_token_is_refused(v1: V1) -> None:
    token = _token(v1, "read", expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    (kept,) = [e for e in v1.store.rows.values() if isinstance(e, Credential)]
    v1.store.commit(Put(kept.model_copy(update={"expires_at": datetime.now(UTC)})))
    assert v1("GET", "/v1/nodes", token=token).status == 401
    assert v1("POST", "/v1/tokens", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}).status == 400


# audit


def test_every_change_is_in_the_audit_without_its_secrets(v1: V1) -> None:
    token = _token(v1, "admin")
    v1("POST", "/v1/destinations", NEW, token=token, X_Forwarded_For="6.6.6.6, 9.9.9.9")
    v1("PATCH", "/v1/settings/callbacks", {"target": "http://u:p@h/x", "opaque": "hush-hush", "enabled": True})
    v1("PATCH", "/v1/settings/record", {"enabled": False, "version": 7})
    listed = v1("GET", "/v1/audit")
    refused, settings, added, made = listed.json["items"]
    assert (added["who"], added["action"], added["address"]) == ("admin-token", "add_destination", "9.9.9.9")
    assert added["fields"] == {"name": "D", "url": "***"}
    assert (added["outcome"], added["status"]) == ("done", 201)
    assert settings["fields"] == {"target": "***", "opaque": "***", "enabled": True}
    assert (refused["outcome"], refused["status"]) == ("refused", 409)
    assert made["who"] == "api-secret"
    for hidden in (token, "very-secret-key", "hush-hush", "u:p@h", BOOTSTRAP.api_secret):
        assert hidden not in listed.text


class _Nested(BaseModel):
    plain: str = ""
    globs: list[str] = []
    rooms: list[dict[str, str]] = []
    extra: dict[str, str] = {}
    count: int = 0


def test_what_is_nested_is_not_shown_in_the_audit() -> None:
    sent = _Nested(plain="x" * 999, globs=["/live/*"], rooms=[{"secret": "hush"}], extra={"a": "hush"}, count=3)
    shown = audited(sent)
    assert (shown["plain"], shown["globs"], shown["count"]) == ("x" * 200, ["/live/*"], 3)
    assert "hush" not in str(shown)


def test_reading_and_asking_are_no_changes(v1: V1) -> None:
    v1("GET", "/v1/destinations")
    v1("POST", "/v1/explain", {"stream": "live/x", "param": "?secret=hush"})
    assert v1("GET", "/v1/audit").json == {"items": [], "cursor": None}


def test_the_audit_is_read_over_the_months(v1: V1) -> None:
    clock = FakeClock(datetime(2026, 1, 15, tzinfo=UTC))
    audit = Audit(v1.store, clock)
    made = []
    for _ in range(30):
        made.append(audit.begin("me", "x", "/", "", {}).id)
        clock.pass_(days=5)
    for limit in (1, 3, 7, 100):
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = audit.page(limit, cursor)
            assert len(page.items) <= limit
            found += [e.id for e in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert found == made[::-1]


@pytest.mark.parametrize("cursor", ["x", "202613.", "2026.", "20261١."])
def test_a_made_up_audit_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        Audit(MemoryStore(), FakeClock()).page(10, cursor)


def test_a_crash_leaves_its_entry(v1: V1) -> None:
    v1.sender.answers = []
    v1("POST", "/v1/callbacks/check", {"target": "http://h/"})
    (entry,) = [e for e in v1.store.rows.values() if isinstance(e, AuditEntry)]
    assert (entry.outcome, entry.status) == ("failed", 500)
    assert str(ULID.from_str(entry.id)) == entry.id


# ETags


def test_the_second_of_two_editors_is_told_what_changed(v1: V1) -> None:
    added = v1("POST", "/v1/destinations", NEW)
    path = f"/v1/destinations/{added.json['id']}"
    assert added.headers["etag"] == '"1"'
    seen = v1("GET", path).headers["etag"]
    first = v1("PATCH", path, {"name": "A"}, If_Match=seen)
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    second = v1("PATCH", path, {"name": "B"}, If_Match=seen)
    assert (second.status, second.headers["etag"], second.json["etag"]) == (412, '"2"', '"2"')
    assert second.json["current"]["name"] == "A"
    assert v1("DELETE", path, If_Match=seen).status == 412
    assert v1("DELETE", path, If_Match='"7", "2"').status == 204


def test_if_match_of_anything_and_the_version_in_the_body(v1: V1) -> None:
    path = f"/v1/destinations/{v1('POST', '/v1/destinations', NEW).json['id']}"
    assert v1("PATCH", path, {"name": "A"}, If_Match="*").status == 200
    assert v1("PATCH", path, {"name": "B", "version": 1}).status == 409
    assert v1("PATCH", path, {"name": "B", "version": 2}).status == 200
    assert v1("PATCH", "/v1/destinations/none", {"name": "B"}, If_Match="*").status in (404, 412)


@pytest.mark.parametrize("name", ["publish", "record", "callbacks"])
def test_settings_have_etags_from_the_start(v1: V1, name: str) -> None:
    path = f"/v1/settings/{name}"
    seen = v1("GET", path).headers["etag"]
    assert seen == '"0"'
    assert v1("PATCH", path, {}, If_Match=seen).headers["etag"] == '"1"'
    assert v1("PATCH", path, {}, If_Match=seen).status == 412


# repeated requests


def test_a_repeated_post_is_done_once(v1: V1) -> None:
    first = v1("POST", "/v1/destinations", NEW, Idempotency_Key="k1")
    again = v1("POST", "/v1/destinations", NEW, Idempotency_Key="k1")
    assert (again.status, again.text) == (first.status, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(v1("GET", "/v1/destinations").json["items"]) == 1
    other = v1("POST", "/v1/destinations", NEW | {"name": "E"}, Idempotency_Key="k1")
    assert other.status == 422
    assert (
        v1("POST", "/v1/destinations", NEW | {"url": "rtmp://h/app/k2"}, Idempotency_Key="k2").json["id"]
        != first.json["id"]
    )


def test_a_failed_post_may_be_repeated(v1: V1) -> None:
    assert v1("POST", "/v1/deliveries/none/resend", Idempotency_Key="k").status == 404
    assert [e for e in v1.store.rows.values() if isinstance(e, KeptAnswer)] == []
    assert v1("POST", "/v1/destinations", NEW, Idempotency_Key="k" * 201).status == 400


def test_a_key_belongs_to_its_caller_and_its_path(v1: V1) -> None:
    v1("POST", "/v1/destinations", NEW, Idempotency_Key="k")
    v1("POST", "/v1/destinations", NEW | {"url": "rtmp://h/app/k2"}, Idempotency_Key="k", token=_token(v1, "admin"))
    assert len(v1("GET", "/v1/destinations").json["items"]) == 2
    assert v1("POST", "/v1/join-tokens", {}, Idempotency_Key="k").status == 201


def test_a_request_in_progress_holds_its_twin_off_until_it_is_surely_gone() -> None:
    clock = FakeClock()
    answers = Idempotency(MemoryStore(), clock)
    first = answers.begin("me", "POST /x", "k", b"{}")
    with pytest.raises(ConflictError):
        answers.begin("me", "POST /x", "k", b"{}")
    clock.pass_(seconds=61)
    second = answers.begin("me", "POST /x", "k", b"{}")
    assert second.status == 0
    answers.forget(first)  # the lost one wakes up: it must not take the other's place away
    with pytest.raises(ConflictError):
        answers.begin("me", "POST /x", "k", b"{}")
    answers.keep(second, 201, {}, "body")
    assert answers.begin("me", "POST /x", "k", b"{}").body == "body"
    with pytest.raises(ReusedKeyError):
        answers.begin("me", "POST /x", "k", b"{ }")
