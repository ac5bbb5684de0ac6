"""Names, pairs, and what is told of a certificate."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from edge.base.errors import RefusedInputError
from edge.web.tls import health
from edge.web.tls.domains import domain, domains
from edge.web.tls.pair import Pair, split
from edge.web.tls.pairs import check_pair, names_of, self_signed

from .tls_rig import NOW, make_pair

# names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("live.example.com", "live.example.com"),
        (" Live.Example.COM. ", "live.example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("直播.example.cn", "xn--z6ut02b.example.cn"),
    ],
)
def test_a_domain_is_taken_in_one_form(text: str, name: str) -> None:
    assert domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost", "com", "1.2.3.4", "::1", "[::1]", "*.example.com", "a..com", "-a.com", "a-.com", "a_b.com",
        "nas.local", "a.test", "a/b.com", "a.com:80", "http://a.com", "a" * 64 + ".com", "a b.com", "a\nb.com",
        ".".join(["a" * 60] * 5) + ".com", "..", "%00.com",
    ],
)  # fmt: skip
def test_what_no_authority_can_prove_is_refused(text: str) -> None:
    with pytest.raises(RefusedInputError) as caught:
        domain(text)
    assert caught.value.field == "domain"


@given(st.text(max_size=300))
def test_whatever_is_taken_is_a_plain_name(text: str) -> None:
    with suppress(RefusedInputError):
        name = domain(text)
        assert name.isascii()
        assert len(name) <= 253
        assert all(c.isalnum() or c in ".-" for c in name)
        assert domain(name) == name


def test_several_domains_keep_their_order_and_come_once() -> None:
    assert domains(["b.example.com", " ", "A.example.com", "a.example.com."]) == ["b.example.com", "a.example.com"]
    for bad in ([], [" "], [f"a{n}.example.com" for n in range(21)]):
        with pytest.raises(RefusedInputError):
            domains(bad)


# pairs


def test_a_pair_that_matches_is_taken_and_comes_back_from_its_file() -> None:
    pair = make_pair("a.example.com", "b.example.com")
    taken = check_pair(f"\n{pair.key}  ", pair.crt.strip(), NOW)
    assert taken == pair
    assert names_of(taken.leaf) == ["a.example.com", "b.example.com"]
    assert split(taken.key + taken.crt) == taken


def test_pairs_that_cannot_be_served_are_refused_with_the_reason() -> None:
    pair, other = make_pair("a.example.com"), make_pair("a.example.com")
    cases = [
        ("", pair.crt, "key", "empty"),
        (pair.key, " ", "crt", "empty"),
        ("no key", pair.crt, "key", "not a private key"),
        (pair.key, "no certificate", "crt", "not a certificate"),
        (other.key, pair.crt, "crt", "does not belong"),
        (pair.key, other.crt + pair.crt, "crt", "must begin with"),
        (*_of(make_pair("a.example.com", begin=NOW - timedelta(days=91))), "crt", "expired"),
        (*_of(make_pair("a.example.com", begin=NOW + timedelta(days=9))), "crt", "not valid before"),
    ]
    for key, crt, place, reason in cases:
        with pytest.raises(RefusedInputError, match=reason) as caught:
            check_pair(key, crt, NOW)
        assert caught.value.field == place
        assert "BEGIN" not in str(caught.value)


def _of(pair: Pair) -> tuple[str, str]:
    return pair.key, pair.crt


def test_the_self_signed_pair_is_as_the_compatible_api_has_it() -> None:
    pair = self_signed(NOW)
    leaf = check_pair(pair.key, pair.crt, NOW).leaf
    assert leaf.subject.rfc4514_string() == "CN=srs.stack.local"
    assert leaf.serial_number == 1
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert (leaf.not_valid_after_utc - NOW).days == 3650
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names_of(leaf) == ["srs.stack.local"]


# what is told of a domain


@pytest.mark.parametrize(
    ("age_days", "state"), [(0, "valid"), (60, "valid"), (68, "failing"), (89, "failing"), (90, "expired")]
)
def test_a_certificate_that_was_not_renewed_in_time_is_told(age_days: int, state: str) -> None:
    leaf = make_pair("a.example.com").leaf
    found = health.observed("a.example.com", leaf, "", NOW + timedelta(days=age_days))
    assert found.state == state
    assert bool(found.error) == (state != "valid")
    assert health.observed("b.example.com", leaf, "why", NOW).state == "missing"
    assert health.observed("a.example.com", None, "why", NOW).error == "why"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("HTTP 400 urn:ietf:params:acme:error:connection - dial tcp: refused", "port 80"),
        ("HTTP 400 urn:ietf:params:acme:error:dns - NXDOMAIN", "DNS"),
        ("HTTP 403 urn:ietf:params:acme:error:unauthorized - 404", "another server"),
        ("HTTP 429 urn:ietf:params:acme:error:rateLimited - too many", "too many"),
        ("HTTP 400 urn:ietf:params:acme:error:caa - no", "CAA"),
        ("dial tcp 127.0.0.1:14000: connect: connection refused", "does not answer"),
        ("something else", "tried again"),
    ],
)
def test_errors_of_the_authority_are_told_in_words(error: str, words: str) -> None:
    assert words in health.explain(error)


def test_the_last_word_of_the_log_counts() -> None:
    def line(**fields: Any) -> str:
        return json.dumps({"level": "error", "logger": "tls.obtain"} | fields)

    lines = [
        "not JSON",
        line(msg="could not get certificate from issuer", identifier="a.example.com", error="connection refused"),
        line(msg="will retry", error="[b.example.com] Obtain: urn:ietf:params:acme:error:dns"),
        line(msg="could not get certificate from issuer", identifier="c.example.com", error="timeout"),
        line(msg="certificate obtained successfully", level="info", identifier="c.example.com"),
        line(msg="x", logger="http.log", identifier="d.example.com", error="timeout"),
    ]
    assert set(health.errors(lines)) == {"a.example.com", "b.example.com"}
