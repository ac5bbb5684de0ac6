"""Certificates are obtained, uploaded, served and told."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from chalicelib.wire.certificates import (
    CertificateCheck,
    CertificateObtain,
    CertificateQuery,
    CertificateSelfSigned,
    CertificateUpload,
)
from edge.base.errors import EdgeError, RefusedInputError
from edge.web.tls import certificates as certificates_module
from edge.web.tls.certificates import CertificateError
from edge.web.tls.pair import split
from edge.web.tls.pairs import self_signed
from edge.web.tls.state import TlsFolder
from tests.unit.edge_agent.edge_fakes import free_port
from tests.unit.edge_agent.fake_servers import HOST

from .tls_rig import NOW, Front, fresh, problem, run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("here.example.com", ""),
        ("elsewhere.example.com", "another server"),
        ("closed.example.com", "nothing answers"),
        ("empty.example.com", "no address"),
        ("nowhere.example.com", "no address"),
        ("broken.example.com", "name servers"),
    ],
)
def test_what_keeps_the_authority_away_is_told(tmp_path: Path, name: str, words: str) -> None:
    found = problem(tmp_path, name, allow_private=True)
    assert (words in found) if words else found == ""
    assert name in found or not words
    assert not list((tmp_path / "well-known").glob("*")), "the file for the check is taken away"


def test_a_private_address_is_told(tmp_path: Path) -> None:
    assert "no public address" in problem(tmp_path, "here.example.com")


def test_at_first_the_self_signed_pair_is_served_and_nobody_chose_it(tmp_path: Path) -> None:
    async def story(front: Front) -> None:
        plan = front.certificates.plan()
        assert (plan.pair.stem, plan.name, plan.domains) == ("self-signed", "srs.stack.local", [])
        assert plan.pair.stat().st_mode & 0o777 == 0o600
        first = plan.pair.read_text()
        assert front.certificates.plan().pair.read_text() == first
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["key"], found["crt"]) == ("", "", "")
        await front.certificates.self_signed(CertificateSelfSigned(only_if_none=True))
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["crt"]) == ("ssl", split(first).crt)

    run(tmp_path, story)


@pytest.mark.parametrize("damage", ["nothing", "no certificate", "another key", "a key with a password"])
def test_a_self_signed_pair_that_no_server_can_use_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder, other = TlsFolder(tmp_path), self_signed(NOW)
    first = folder.self_signed(NOW)
    assert folder.self_signed(NOW) == first
    locked = serialization.load_pem_private_key(first.key.encode(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    text = {
        "nothing": "",
        "no certificate": first.key + first.crt.replace("M", "N"),
        "another key": other.key + first.crt,
        "a key with a password": locked.decode() + first.crt,
    }
    folder.file("self-signed").write_text(text[damage])
    assert folder.read("self-signed") is None
    made = folder.self_signed(NOW)
    assert made.crt not in {first.crt, other.crt}
    assert folder.self_signed(NOW) == made


def test_an_uploaded_pair_is_served_also_after_a_restart(tmp_path: Path) -> None:
    pair = fresh("a.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        assert front.applied == [["uploaded"]]

    async def later(front: Front) -> None:
        plan = front.certificates.plan()
        assert (plan.pair.stem, plan.name) == ("uploaded", "a.example.com")
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["key"], found["crt"]) == ("ssl", pair.key, pair.crt)
        assert (await front.certificates.query(CertificateQuery()))["key"] == ""
        await front.certificates.self_signed(CertificateSelfSigned(only_if_none=True))
        assert front.certificates.plan().pair.stem == "uploaded", "it is left alone"

    run(tmp_path, story)
    run(tmp_path, later)


def test_a_front_that_does_not_take_a_pair_goes_on_with_the_one_before(tmp_path: Path) -> None:
    old, new = fresh("old.example.com"), fresh("new.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=old.key, crt=old.crt))
        front.broken = True
        with pytest.raises(EdgeError):
            await front.certificates.upload(CertificateUpload(key=new.key, crt=new.crt))
        front.broken = False
        assert front.certificates.plan().name == "old.example.com"
        with pytest.raises(RefusedInputError):
            await front.certificates.upload(CertificateUpload(key=old.key, crt=new.crt))
        assert front.certificates.plan().name == "old.example.com"

    run(tmp_path, story)


def test_another_chain_behind_the_same_certificate_is_another_plan(tmp_path: Path) -> None:
    pair, authority = fresh("a.example.com"), fresh("authority.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        alone = front.certificates.plan()
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt + authority.crt))
        assert front.certificates.plan().content != alone.content
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        assert front.certificates.plan() == alone

    run(tmp_path, story)


def test_certificates_are_obtained_told_and_shown(tmp_path: Path) -> None:
    pair = fresh("here.example.com")
    place = tmp_path / "storage" / "certificates" / "ca" / "here.example.com"
    place.mkdir(parents=True)
    (place / "here.example.com.crt").write_text(pair.crt)
    (place / "here.example.com.key").write_text(pair.key)

    async def story(front: Front) -> None:
        result = await front.certificates.obtain(CertificateObtain(domains=["here.example.com"]))
        assert (result["provider"], result["domains"]) == ("lets", ["here.example.com"])
        assert [c["state"] for c in result["certificates"]] == ["valid"]
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["key"], found["crt"]) == (pair.key, pair.crt)
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        found = await front.certificates.query(CertificateQuery())
        assert (found["provider"], found["domains"], found["certificates"]) == ("ssl", ["here.example.com"], [])

    front = run(tmp_path, story, Front(given={"here.example.com": pair}))
    assert [(t.domain, t.state) for t in front.told] == [("here.example.com", "valid")]
    assert [a for a, _ in itertools.groupby(front.applied)] == [["self-signed", "here.example.com"], ["uploaded"]]


def test_of_several_domains_one_is_had_first_where_there_is_no_account_yet(tmp_path: Path) -> None:
    both = ["here.example.com", "also.example.com"]
    account = tmp_path / "storage" / "acme" / "ca" / "users" / "default"

    async def story(front: Front) -> None:
        await front.certificates.obtain(CertificateObtain(domains=both, force=True))
        account.mkdir(parents=True)
        await front.certificates.obtain(CertificateObtain(domains=both, force=True))

    front = run(tmp_path, story, Front(given={d: fresh(d) for d in both}))
    assert front.applied == [["self-signed", both[0]], *[["self-signed", *both]] * 3]


def test_a_domain_that_the_authority_cannot_reach_is_not_asked_for(tmp_path: Path) -> None:
    async def story(front: Front) -> None:
        for name in ("closed.example.com", "elsewhere.example.com", "nowhere.example.com"):
            with pytest.raises(RefusedInputError, match=name):
                await front.certificates.obtain(CertificateObtain(domains=["here.example.com", name]))
        assert front.applied == []
        question = CertificateCheck(domains=["here.example.com", "closed.example.com"])
        findings = (await front.certificates.check(question))["findings"]
        assert [bool(f["problem"]) for f in findings] == [False, True]

    run(tmp_path, story)


def test_what_did_not_come_in_time_is_wanted_all_the_same_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates_module, "OBTAIN_S", 0.6)
    error = {"level": "error", "logger": "tls.obtain", "msg": "x", "identifier": "closed.example.com"}
    (tmp_path / "caddy.log").write_text(json.dumps(error | {"error": "urn:ietf:params:acme:error:connection"}))

    async def story(front: Front) -> None:
        front.certificates.plan()  # the self-signed pair is there long before
        with pytest.raises(CertificateError, match=r"tried again.*port 80"):
            await front.certificates.obtain(CertificateObtain(domains=["closed.example.com"], force=True))
        assert front.certificates.plan().domains == ["closed.example.com"]
        front.given["closed.example.com"] = fresh("closed.example.com")
        (found,) = (await front.certificates.query(CertificateQuery()))["certificates"]
        assert (found["state"], found["error"]) == ("valid", "")

    front = run(tmp_path, story)
    assert [t.state for t in front.told] == ["missing", "valid"]


def test_the_look_at_what_is_served_is_a_real_handshake(tmp_path: Path) -> None:
    pair = fresh("a.example.com")
    file = tmp_path / "pair.pem"
    file.write_text(pair.key + pair.crt)

    async def go() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        port = await free_port()
        server = await asyncio.start_server(lambda _r, w: w.close(), HOST, port, ssl=context)
        try:
            found = await certificates_module.served_certificate(HOST, port, "a.example.com")
            assert found == pair.leaf
        finally:
            server.close()
            await server.wait_closed()
        assert await certificates_module.served_certificate(HOST, port, "a.example.com") is None

    asyncio.run(go())


def test_openssl_agrees_with_the_self_signed_pair(tmp_path: Path) -> None:
    """Another implementation reads what we make."""
    path = tmp_path / "x.pem"
    path.write_text(self_signed(datetime.now(UTC)).crt)
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", str(path)], capture_output=True, text=True, check=True
    )
    assert "srs.stack.local" in done.stdout
