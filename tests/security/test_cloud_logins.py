"""Logins: cookies for our own page alone; everything can be ended."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest

from chalicelib.domain.errors import UnauthenticatedError
from chalicelib.domain.model.account import AuditEntry, Credential, LoginHold
from chalicelib.ports.store import Put
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP, FakeClock, MemoryStore
from tests.security.browser import HOST, Browser
from tests.unit.v1_client import V1

from .logins_rig import NEW, PASSWORD, LockedStore, new_login

# the cookie


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(page: Browser) -> None:
    answer = page.log_in(PASSWORD)
    assert (answer.status, answer.json["name"], answer.json["scopes"]) == (200, "admin", ["admin"])
    said = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=2592000"):
        assert part in said
    assert said.startswith(f"sluice_{wiring.login.logins.instance}=")
    assert answer.headers["cache-control"] == "no-store"
    assert (
        "Secure"
        not in Browser(page.v1)("POST", "/v1/login", {"password": PASSWORD}, X_Forwarded_Proto="http").headers[
            "set-cookie"
        ]
    )
    assert page("GET", "/v1/nodes").status == 200
    assert page("GET", "/v1/me").json["kind"] == "login"
    assert "Max-Age=2592000" in page("GET", "/v1/me").headers["set-cookie"], "it slides"


def test_names_of_two_installations_differ(v1: V1) -> None:
    other = new_login(MemoryStore(), FakeClock())
    assert other.logins.instance != wiring.login.logins.instance
    assert wiring.vault.master() not in wiring.login.logins.instance


NOT_OURS: list[dict[str, str | None]] = [
    {"X_Sluice_Console": None},
    {"X_Sluice_Console": "0"},
    {"Origin": "https://evil.example.com"},
    {"Origin": "null"},
    {"Origin": f"https://{HOST}.evil.example.com"},
    {"Origin": f"https://{HOST}:8443"},
    {"Origin": None},
    {"Content_Type": "text/plain"},
    {"Content_Type": "application/x-www-form-urlencoded"},
    {"Content_Type": None},
]


@pytest.mark.parametrize("changed", NOT_OURS)
def test_what_another_page_makes_a_browser_send_is_refused(page: Browser, changed: dict[str, str | None]) -> None:
    assert page("POST", "/v1/login", {"password": PASSWORD}, **changed).status == 403
    page.log_in(PASSWORD)
    assert page("PATCH", "/v1/settings/record", {"enabled": False}, **changed).status == 403
    assert page("PATCH", "/v1/settings/record", {"enabled": False}).status == 200
    if "X_Sluice_Console" in changed or changed.get("Origin"):
        assert page("GET", "/v1/settings/publish", **changed).status == 403
    assert page("GET", "/v1/nodes", Origin=None).status == 200, "a browser names no origin when it reads"


def test_behind_the_front_the_origin_is_that_of_the_front(page: Browser) -> None:
    there = {"Host": "127.0.0.1:9000", "X_Forwarded_Host": HOST}
    assert page("POST", "/v1/login", {"password": PASSWORD}, **there).status == 200
    evil = there | {"Origin": "http://127.0.0.1:9000"}
    assert page("PATCH", "/v1/settings/record", {"enabled": False}, **evil).status == 403


def test_a_bearer_wins_over_the_cookie(page: Browser, v1: V1) -> None:
    page.log_in(PASSWORD)
    made = v1("POST", "/v1/tokens", {"name": "t", "scope": "read"}).json["token"]
    bearer = {"Authorization": f"Bearer {made}", "X_Sluice_Console": None, "Origin": None}
    assert page("GET", "/v1/me", **bearer).json["kind"] == "token"
    assert page("GET", "/v1/settings/publish", **bearer).status == 403
    assert page("GET", "/v1/nodes", Authorization="Bearer wrong").status == 401


def test_a_cookie_of_nonsense_is_no_login(page: Browser) -> None:
    name = f"sluice_{wiring.login.logins.instance}"
    for value in ("x", "", '"', "a=b; c", "é", BOOTSTRAP.api_secret):
        page.cookies = {name: value}
        assert page("GET", "/v1/nodes").status == 401


def test_logging_out_ends_the_login_and_removes_the_cookie(page: Browser) -> None:
    page.log_in(PASSWORD)
    kept = dict(page.cookies)
    answer = page("POST", "/v1/logout")
    assert (answer.status, "Max-Age=0" in answer.headers["set-cookie"]) == (204, True)
    page.cookies = kept
    assert page("GET", "/v1/nodes").status == 401


def test_a_login_slides_for_thirty_days_and_then_ends() -> None:
    clock = FakeClock()
    login = new_login(MemoryStore(), clock)
    begun = login.sign_in(PASSWORD, "a")
    for _ in range(5):
        clock.pass_(days=29)
        assert login.logins.caller(begun.secret).scope == "admin"
    clock.pass_(days=31)
    with pytest.raises(UnauthenticatedError):
        login.logins.caller(begun.secret)
    assert login.logins.all() == []


def test_logins_are_listed_and_ended(page: Browser, v1: V1) -> None:
    page.log_in(PASSWORD)
    other, third = Browser(v1, address="2001:db8::1"), Browser(v1)
    other.log_in(PASSWORD)
    third.log_in(PASSWORD)
    items = page("GET", "/v1/logins").json["items"]
    assert sorted(i["current"] for i in items) == [False, False, True]
    theirs = next(i for i in items if i["address"] == "2001:db8::1")
    assert page("DELETE", f"/v1/logins/{theirs['id']}").status == 204
    assert other("GET", "/v1/nodes").status == 401
    assert page("DELETE", f"/v1/logins/{theirs['id']}").status == 404
    assert page("DELETE", "/v1/logins").status == 204
    assert (third("GET", "/v1/nodes").status, page("GET", "/v1/nodes").status) == (401, 200)
    for secret in (*page.cookies.values(), *third.cookies.values()):
        assert secret not in str(v1.store.rows)


def test_the_audit_has_who_came_in(page: Browser, v1: V1) -> None:
    page.log_in(PASSWORD)
    page("PATCH", "/v1/settings/record", {"enabled": False})
    entries = [e for e in v1.store.rows.values() if isinstance(e, AuditEntry)]
    assert [(e.who, e.action, e.outcome) for e in entries] == [
        ("admin", "log_in", "done"),
        ("admin", "change_record", "done"),
    ]
    assert len({e.by for e in entries}) == 1
    assert PASSWORD not in str(entries)


# the password


def test_a_new_password_ends_all_other_logins(page: Browser, v1: V1) -> None:
    page.log_in(PASSWORD)
    other = Browser(v1)
    other.log_in(PASSWORD)
    token = other("POST", "/terraform/v1/mgmt/login", {"password": PASSWORD}).json["data"]["token"]
    assert other("POST", "/terraform/v1/mgmt/status", {"token": token}).status == 200
    assert page("POST", "/v1/password", {"password": NEW}).status == 204
    assert page("GET", "/v1/nodes").status == 200, "who changed it stays"
    assert other("GET", "/v1/nodes").status == 401
    assert other("POST", "/terraform/v1/mgmt/status", {"token": token}).status == 401
    assert [i["current"] for i in page("GET", "/v1/logins").json["items"]] == [True]
    assert other.log_in(PASSWORD).status == 401
    assert other.log_in(NEW).status == 200


# links


def test_a_link_signs_in_once(page: Browser, v1: V1) -> None:
    made = v1("POST", "/v1/sign-in-links", {})
    assert made.status == 201
    where, _, token = made.json["path"].partition("#")
    assert (where, token in str(v1.store.rows)) == ("/console/sign-in", False)
    assert page("POST", "/v1/sign-in", {"token": token}, Origin="https://evil.example.com").status == 403
    assert page("POST", "/v1/sign-in", {"token": token}).status == 200
    assert page("GET", "/v1/nodes").status == 200
    assert Browser(v1)("POST", "/v1/sign-in", {"token": token}).status == 401


def test_a_link_may_set_the_password(page: Browser, v1: V1) -> None:
    other = Browser(v1)
    other.log_in(PASSWORD)
    token = v1("POST", "/v1/sign-in-links", {}).json["path"].partition("#")[2]
    assert page("POST", "/v1/sign-in", {"token": token, "password": "short"}).status == 400
    assert page("POST", "/v1/sign-in", {"token": token, "password": NEW}).status == 200
    assert (page("GET", "/v1/nodes").status, other("GET", "/v1/nodes").status) == (200, 401)
    assert Browser(v1).log_in(NEW).status == 200


def test_of_two_at_once_one_link_signs_in_one() -> None:
    login = new_login(LockedStore(), FakeClock())
    token, _ = login.sign_in_link()
    gate = threading.Barrier(8)

    def one(_: int) -> bool:
        gate.wait()
        try:
            login.sign_in_by_link(token, None, "a")
        except UnauthenticatedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1


def test_a_link_ends_after_a_quarter_of_an_hour() -> None:
    clock = FakeClock()
    login = new_login(MemoryStore(), clock)
    token, kept = login.sign_in_link()
    assert kept.expires_at == clock() + timedelta(minutes=15)
    clock.pass_(minutes=15)
    with pytest.raises(UnauthenticatedError):
        login.sign_in_by_link(token, None, "a")


# tokens of the compatible API


def claims(**changes: Any) -> dict[str, Any]:
    return {"v": "1.0", "nonce": "1", "iat": 1, "exp": 9_999_999_999, "sid": "x", "gen": 0} | changes


def test_who_has_the_api_secret_signs_tokens_for_himself(v1: V1, page: Browser) -> None:
    """As existing clients may (section 2.3); they end with the secret."""
    plain = {"v": "1.0", "iat": 1, "exp": 9_999_999_999}
    own = jwt.encode(plain, BOOTSTRAP.api_secret, algorithm="HS256")
    assert page("POST", "/terraform/v1/mgmt/status", {"token": own}).status == 200
    other = jwt.encode(plain, "k" * 64, algorithm="HS256")
    assert page("POST", "/terraform/v1/mgmt/status", {"token": other}).status == 401
    assert v1("POST", "/v1/api-secret", {}).status == 200
    assert page("POST", "/terraform/v1/mgmt/status", {"token": own}).status == 401


def test_nobody_who_has_the_api_secret_can_make_tokens_of_logins(v1: V1, page: Browser) -> None:
    for key in (BOOTSTRAP.api_secret, "k" * 64, BOOTSTRAP.publish_secret + "0" * 32):
        forged = jwt.encode(claims(), key, algorithm="HS256")
        assert page("POST", "/terraform/v1/mgmt/status", {"token": forged}).status == 401


def test_a_token_is_renewed_and_belongs_to_its_login(page: Browser) -> None:
    first = page("POST", "/terraform/v1/mgmt/login", {"password": PASSWORD}).json["data"]
    assert first["bearer"] == BOOTSTRAP.api_secret, "existing clients go on with it"
    second = page("POST", "/terraform/v1/mgmt/token", {"token": first["token"]}).json["data"]
    assert second["token"] != first["token"]
    page.log_in(PASSWORD)
    (theirs,) = [i for i in page("GET", "/v1/logins").json["items"] if i["kind"] == "compatible"]
    assert page("DELETE", f"/v1/logins/{theirs['id']}").status == 204
    for token in (first["token"], second["token"]):
        assert page("POST", "/terraform/v1/mgmt/status", {"token": token}).status == 401


def test_a_compatible_token_is_no_cookie(page: Browser) -> None:
    token = page("POST", "/terraform/v1/mgmt/login", {"password": PASSWORD}).json["data"]["token"]
    sid = jwt.decode(token, options={"verify_signature": False})["sid"]
    for value in (token, sid):
        page.cookies = {f"sluice_{wiring.login.logins.instance}": value}
        assert page("GET", "/v1/nodes").status == 401


# the API secret


@pytest.mark.parametrize("grace", [0, 3600])
def test_the_api_secret_rotates(v1: V1, page: Browser, grace: int) -> None:
    old = BOOTSTRAP.api_secret
    bearer = {"Authorization": f"Bearer {old}"}
    token = page("POST", "/terraform/v1/mgmt/token", {}, **bearer).json["data"]["token"]
    assert page("POST", "/terraform/v1/mgmt/status", {"token": token}).status == 200
    assert v1("GET", "/v1/api-secret").json == {"secret": old}
    fresh = v1("POST", "/v1/api-secret", {"grace_s": grace}).json["secret"]
    assert fresh.startswith("srs-v2-")
    expected = 200 if grace else 401
    assert v1("GET", "/v1/nodes", token=old).status == expected
    assert page("POST", "/terraform/v1/mgmt/status", {}, **bearer).status == expected
    assert page("POST", "/terraform/v1/mgmt/status", {"token": token}).status == expected
    assert v1("GET", "/v1/nodes", token=fresh).status == 200
    asked = page("POST", "/terraform/v1/mgmt/secret/query", {}, Authorization=f"Bearer {fresh}")
    assert asked.json["data"] == fresh
    assert fresh not in str([e for e in v1.store.rows.values() if not hasattr(e, "current")])


def test_the_old_api_secret_ends_when_its_grace_is_over() -> None:
    clock = FakeClock()
    login = new_login(MemoryStore(), clock)
    token = login.token_of_secret().token
    login.rotate_api_secret(60)
    login.check_bearer(f"Bearer {BOOTSTRAP.api_secret}")
    login.check_token(token)
    clock.pass_(seconds=61)
    with pytest.raises(UnauthenticatedError):
        login.check_bearer(f"Bearer {BOOTSTRAP.api_secret}")
    with pytest.raises(UnauthenticatedError):
        login.check_token(token)


def test_whoever_shows_the_api_secret_makes_one_login(page: Browser, v1: V1) -> None:
    for _ in range(5):
        page("POST", "/terraform/v1/mgmt/token", {}, Authorization=f"Bearer {BOOTSTRAP.api_secret}")
    kept = [e for e in v1.store.rows.values() if isinstance(e, Credential)]
    assert [c.subject for c in kept] == ["bearer"]
    assert not [e for e in v1.store.rows.values() if isinstance(e, LoginHold)]


def test_a_login_of_an_older_password_does_not_hold_even_if_it_is_still_there() -> None:
    """Whatever a lagging index, or somebody who put it back, left behind."""
    store, clock = MemoryStore(), FakeClock()
    login = new_login(store, clock)
    begun = login.sign_in(PASSWORD, "a")
    token = login.login(PASSWORD, "a").token
    kept = [e for e in store.rows.values() if isinstance(e, Credential)]
    login.reset(NEW)
    store.commit(*map(Put, kept))
    with pytest.raises(UnauthenticatedError):
        login.logins.caller(begun.secret)
    with pytest.raises(UnauthenticatedError):
        login.check_token(token)
    assert login.logins.all() == []
