"""The client's address as CloudFront proves it."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.viewers import key_of, proven

KEY = key_of("master")


def _header(told: str, key: str = KEY) -> str:
    return f"{told}~{hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()[:40]}"


@given(st.ip_addresses().map(str), st.integers(1, 2**40))
def test_an_address_is_proven_until_its_time(address: str, until: int) -> None:
    header = _header(f"{address}~{until:x}")
    assert proven(KEY, header, until - 1) == address
    assert proven(KEY, header, until) == ""


@pytest.mark.parametrize(
    "header",
    ["", "~", "~~", "1.2.3.4~ffffffff", _header("1.2.3.4~ffffffff", key_of("other")), _header("nobody~ffffffff"),
     _header("1.2.3.4~soon"), _header("1.2.3.4~ffffffff")[:-1], _header("1.2.3.4~ffffffff") + "0", "é~ffffffff~é"],
)  # fmt: skip
def test_what_proves_nothing_is_no_address(header: str) -> None:
    assert proven(KEY, header, 0) == ""
