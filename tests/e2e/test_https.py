"""HTTPS on the node: from the first moment, with a pair of its owner, with certificates of an authority."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography import x509

from edge.web.tls.certificates import served_certificate
from edge.web.tls.pair import Pair
from tests.unit.edge_agent.tls_rig import fresh, make_pair
from tests.waiting import until

from .acme import VALID_S, Authority
from .system import System, new_name
from .test_oryx import Client

pytestmark = pytest.mark.media


@pytest.fixture(scope="module")
def authority(acme: Authority) -> Iterator[Authority]:
    if not Authority.is_there():
        pytest.fail("pebble is not installed; infra/install-media-tools brings it")
    acme.start()
    yield acme
    acme.stop()


@pytest.fixture
def client(system: System) -> Iterator[Client]:
    client = Client(system)
    yield client
    system.api.call("POST", f"{path(system)}/self-signed", {})
    client.close()


def path(system: System) -> str:
    (node,) = system.api.items("/v1/nodes", 10)
    return f"/v1/nodes/{node['id']}/certificate"


def served(system: System, domain: str) -> x509.Certificate:
    found = asyncio.run(served_certificate("127.0.0.1", int(system.environment["HTTPS_PORT"]), domain))
    assert found is not None
    return found


def name_of(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string().removeprefix("CN=")


def states(system: System) -> dict[str, Any]:
    return {c["domain"]: c for c in system.api.call("GET", path(system))["certificates"]}


def test_https_is_served_before_anybody_chose_anything(system: System, client: Client) -> None:
    base = f"https://127.0.0.1:{system.environment['HTTPS_PORT']}"
    with httpx.Client(verify=False, trust_env=False, http2=False) as http:
        assert http.get(f"{base}/v1/health").status_code == 200
        assert http.get(f"{base}/terraform/v1/mgmt/versions").json()["code"] == 0
    assert name_of(served(system, "any.example.org")) == "srs.stack.local"
    client.call("/mgmt/auto-self-signed-certificate")
    found = client.call("/mgmt/cert/query")
    assert found["provider"] == "ssl"
    assert x509.load_pem_x509_certificate(found["crt"].encode()).serial_number == 1


def test_an_uploaded_pair_is_served_at_once_and_one_that_does_not_match_is_not(system: System, client: Client) -> None:
    pair, other = fresh("mine.example.org"), fresh("other.example.org")
    encoder = system.publish(name := new_name("tls"))
    system.live(name)
    client.call("/mgmt/ssl", key=pair.key, crt=pair.crt)
    assert name_of(served(system, "mine.example.org")) == "mine.example.org"
    assert name_of(served(system, "unknown.example.org")) == "mine.example.org"
    assert client.call("/mgmt/cert/query") == {"provider": "ssl", "domain": "", "key": pair.key, "crt": pair.crt}
    refused = [
        {"key": other.key, "crt": pair.crt},
        {"key": pair.key},
        {"key": "x", "crt": pair.crt},
        {"key": pair.key, "crt": "x"},
        _fields(make_pair("old.example.org", begin=datetime(2020, 1, 1, tzinfo=UTC))),
    ]
    for fields in refused:
        assert "PRIVATE" not in client.fails("/mgmt/ssl", fields)
    assert name_of(served(system, "mine.example.org")) == "mine.example.org"
    assert encoder.poll() is None, "the publisher does not notice"


def _fields(pair: Pair) -> dict[str, str]:
    return {"key": pair.key, "crt": pair.crt}


def test_a_domain_that_does_not_lead_here_is_told_before_the_authority_is_asked(
    system: System, client: Client, authority: Authority
) -> None:
    authority.point("closed.example.org", "127.0.0.9")
    assert "nothing answers" in client.fails("/mgmt/letsencrypt", {"domain": "closed.example.org"})
    for domain, words in (("", "empty"), ("192.0.2.1", "IP address"), ("*.example.org", "wildcard"), ("nas", "public")):
        assert words in client.fails("/mgmt/letsencrypt", {"domain": domain})
    findings = system.api.call("POST", f"{path(system)}/check", {"domains": ["here.example.org", "closed.example.org"]})
    assert [bool(f["problem"]) for f in findings["items"]] == [False, True]
    assert client.call("/mgmt/cert/query")["provider"] != "lets"


def test_two_domains_get_certificates_that_are_renewed_and_outlive_the_authority(
    system: System, client: Client, authority: Authority
) -> None:
    both = ["a.example.org", "b.example.org"]
    client.call("/mgmt/letsencrypt", domain=";".join(both))
    first = {d: served(system, d) for d in both}
    assert all("Pebble" in c.issuer.rfc4514_string() for c in first.values())
    assert name_of(served(system, "c.example.org")) == "srs.stack.local"
    found = client.call("/mgmt/cert/query")
    assert (found["provider"], found["domain"]) == ("lets", "a.example.org;b.example.org")
    assert x509.load_pem_x509_certificates(found["crt"].encode())[0] == first["a.example.org"]

    until(lambda: all(served(system, d) != first[d] for d in both), "both are renewed by themselves", VALID_S + 10)
    assert {c["state"] for c in states(system).values()} == {"valid"}

    authority.stop_authority()
    began = time.time()
    until(lambda: states(system)["a.example.org"]["state"] in ("failing", "expired"), "the alert", VALID_S + 10)
    assert "Pebble" in served(system, "a.example.org").issuer.rfc4514_string(), "the old one is served still"
    told = [e for e in system.api.items("/v1/events", 200) if e["kind"] == "certificate.state"]
    assert any(e["data"]["state"] in ("failing", "expired") and e["data"]["error"] for e in told)
    reason = client.fails("/mgmt/letsencrypt", {"domain": "a.example.org;new.example.org"})
    assert "new.example.org" in reason
    assert "tried again" in reason
    assert time.time() - began < VALID_S + 60

    authority.stop()
    authority.start()
    until(lambda: states(system).get("new.example.org", {}).get("state") == "valid", "the new domain", 150, 1)
    assert "Pebble" in served(system, "new.example.org").issuer.rfc4514_string()
