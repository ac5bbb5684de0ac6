"""Wrong passwords: how many are looked at, how long one is held back."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import passwords, tries
from chalicelib.domain.errors import TooManyTriesError, UnauthenticatedError
from tests.fakes import FakeClock, MemoryStore
from tests.security.browser import Browser

from .logins_rig import NEW, PASSWORD, LockedStore, new_login


def test_of_forty_wrong_passwords_at_once_a_handful_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    login = new_login(LockedStore(), FakeClock())
    login.reset(NEW)
    looked_at: list[str] = []
    scrypt = passwords.scrypt

    def counted(password: str, salt: str) -> str:
        looked_at.append(password)
        return scrypt(password, salt)

    monkeypatch.setattr(passwords, "scrypt", counted)
    gate = threading.Barrier(40)

    def one(n: int) -> type[Exception] | None:
        gate.wait()
        try:
            login.login(f"wrong-{n}", "192.0.2.1")
        except (TooManyTriesError, UnauthenticatedError) as error:
            return type(error)
        return None

    started = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(one, range(40)))
    assert None not in outcomes
    assert len(looked_at) == outcomes.count(UnauthenticatedError) <= tries.FREE
    assert outcomes.count(TooManyTriesError) >= 35
    assert time.monotonic() - started < 9, "nobody is held back"


def test_holds_grow_to_a_quarter_of_an_hour_and_are_forgotten() -> None:
    clock = FakeClock()
    login = new_login(MemoryStore(), clock)

    def wrong() -> None:
        with pytest.raises(UnauthenticatedError):
            login.login("wrong", "192.0.2.1")

    for _ in range(tries.FREE):
        wrong()
    waits = []
    for _ in range(6):
        with pytest.raises(TooManyTriesError) as refused:
            login.login(PASSWORD, "192.0.2.1")
        waits.append(refused.value.retry_s)
        clock.pass_(seconds=refused.value.retry_s)
        wrong()
    assert waits == [60, 120, 240, 480, 900, 900]
    clock.pass_(hours=2)
    for _ in range(tries.FREE - 1):
        wrong()
    assert login.login(PASSWORD, "192.0.2.1").token


def test_the_right_password_takes_no_tries_away() -> None:
    login = new_login(MemoryStore(), FakeClock())
    for _ in range(3):
        for _ in range(tries.FREE - 1):
            with pytest.raises(UnauthenticatedError):
                login.login("wrong", "192.0.2.1")
        assert login.login(PASSWORD, "192.0.2.1").token


def test_many_addresses_are_no_way_around_it() -> None:
    clock = FakeClock()
    login = new_login(MemoryStore(), clock)
    outcomes: list[type[Exception]] = []
    for n in range(100):
        try:
            login.login("wrong", f"198.51.100.{n}")
        except (TooManyTriesError, UnauthenticatedError) as error:
            outcomes.append(type(error))
    assert outcomes.count(UnauthenticatedError) == tries.MOST
    clock.pass_(seconds=60)
    assert login.login(PASSWORD, "203.0.113.1").token


@given(st.integers(min_value=0, max_value=2**128 - 1), st.integers(min_value=0, max_value=2**64 - 1))
def test_ipv6_is_counted_by_its_network(address: int, other: int) -> None:
    import ipaddress

    one = ipaddress.IPv6Address(address)
    if one.ipv4_mapped is not None:
        return
    neighbour = ipaddress.IPv6Address((address >> 64 << 64) | other)
    if neighbour.ipv4_mapped is None:
        assert tries.counted_as(str(one)) == tries.counted_as(str(neighbour))
    assert tries.counted_as("::ffff:192.0.2.1") == tries.counted_as("192.0.2.1")
    assert tries.counted_as("fe80::1%eth0") == tries.counted_as("fe80::2")


def test_an_address_that_is_none_is_counted_too() -> None:
    assert tries.counted_as("") == "unknown"
    assert len(tries.counted_as("x" * 500)) == 64
    assert tries.counted_as("everybody") != tries.EVERYBODY


def test_v1_says_when_to_try_again_and_the_compatible_api_in_its_own_form(page: Browser) -> None:
    for _ in range(tries.FREE):
        assert page.log_in("wrong-password").status == 401
    refused = page.log_in(PASSWORD)
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert refused.json["title"] == "Too many tries"
    started = time.monotonic()
    other = page("POST", "/terraform/v1/mgmt/login", {"password": PASSWORD})
    assert (other.status, other.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert "try again" in other.text
    assert time.monotonic() - started < 5
    page.address = "192.0.2.8"
    assert page.log_in(PASSWORD).status == 200


def test_a_wrong_password_is_not_held_back_in_either_api(page: Browser) -> None:
    started = time.monotonic()
    assert page("POST", "/terraform/v1/mgmt/login", {"password": "wrong"}).status == 401
    assert page.log_in("wrong").status == 401
    assert time.monotonic() - started < 5
