"""The front, as a real Caddy before a server that answers with what reached it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.wire.certificates import CertificateUpload
from edge.base.clock import SystemClock
from edge.base.errors import FrontError
from edge.options import HlsFiles, Reach
from edge.web.front.driver import Front as Driver
from edge.web.front.driver import admin_client
from edge.web.tls.certificates import Certificates
from edge.web.tls.check import DomainCheck
from edge.web.tls.pair import Pair
from edge.web.tls.state import TlsFolder
from tests.front_rig import CREDENTIAL, Front, running_front


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.mark.parametrize("path", ["/v1/health", "/terraform/v1/mgmt/versions", "/edge/v1/sync"])
def test_our_paths_reach_our_api(front: Front, path: str) -> None:
    status, seen = front.ask("GET", path)
    assert (status, seen["path"]) == (200, path)


def test_method_body_and_query_are_kept(front: Front) -> None:
    _, seen = front.ask("PATCH", "/v1/settings/x?a=1&b=%2F", '{"é": 1}'.encode().decode("latin-1"))
    assert (seen["method"], seen["path"].split("?")[1]) == ("PATCH", "a=1&b=%2F")
    assert json.loads(seen["body"]) == {"é": 1}


def test_what_a_client_claims_about_itself_is_dropped(front: Front) -> None:
    claims = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "evil"}
    _, seen = front.ask("GET", "/v1/health", **claims, X_Real_Ip="6.6.6.6", Forwarded="for=6.6.6.6")
    headers = seen["headers"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert headers["x-forwarded-host"] == f"127.0.0.1:{front.port}"
    assert not {"x-real-ip", "forwarded"} & set(headers)


@pytest.mark.parametrize("path", ["/terraform/v2/x", "/terraform", "/edge/v2/sync"])
def test_an_unknown_call_is_no_page(front: Front, path: str) -> None:
    assert front.ask("POST", path) == (404, "there is no such call\n")


@pytest.mark.parametrize("path", ["/live/x.flv", "/live/x.m3u8?secret=y", "/live/x.mp3", "/a/b/x.aac"])
def test_media_comes_from_the_media_server(front: Front, path: str) -> None:
    _, seen = front.ask("GET", path)
    assert seen["path"] == path
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_webrtc_goes_through_the_agent(front: Front) -> None:
    _, seen = front.ask("POST", "/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert (seen["path"], seen["body"]) == ("/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert seen["headers"]["host"] == f"127.0.0.1:{front.port}"


def test_the_media_server_s_api_is_for_known_callers(front: Front) -> None:
    _, seen = front.ask("GET", "/api/v1/versions?x=y", Authorization="Bearer mine")
    assert (seen["path"], seen["headers"]["authorization"]) == ("/api/v1/versions", CREDENTIAL)
    assert front.ask("GET", "/api/v1/clients/") == (401, "no\n")
    assert front.ask("GET", "/api/v1/clients/?token=bad") == (401, "no\n")
    assert front.ask("GET", "/api/v1/clients/", Authorization="Bearer bad") == (401, "no\n")
    _, seen = front.ask("GET", "/api/v1/clients/?token=good&count=5")
    assert seen["path"] == "/api/v1/clients/?count=5"
    _, seen = front.ask("DELETE", "/api/v1/clients/x", Authorization="Bearer good")
    assert (seen["method"], seen["path"]) == ("DELETE", "/api/v1/clients/x")
    assert seen["headers"]["authorization"] == CREDENTIAL
    claimed = {"Authorization": "Bearer reader", "X_Sluice_Scope": "admin"}
    _, seen = front.ask("GET", "/api/v1/streams/?count=5", **claimed)
    assert seen["path"] == "/front/media-api/api/v1/streams/?count=5", "through the agent, which filters"
    assert seen["headers"]["authorization"] == "Bearer reader"


def test_segments_are_files_with_ranges_and_conditions(front: Front) -> None:
    whole = front.get("/live/s-0-1.ts")
    assert (whole.status_code, whole.text) == (200, "0123456789")
    assert whole.headers["content-type"] == "video/mp2t"
    assert whole.headers["cache-control"] == "public, max-age=600"
    part = front.get("/live/s-0-1.ts", Range="bytes=2-4")
    assert (part.status_code, part.text, part.headers["content-range"]) == (206, "234", "bytes 2-4/10")
    assert front.get("/live/s-0-1.ts", Range="bytes=20-").status_code == 416
    assert front.get("/live/s-0-1.ts", **{"If-None-Match": whole.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/live/nothing.ts",
        "/.secret.ts",
        "/live.ts",
        "/live/s-0-1.ts/x.ts",
    ],
)
def test_other_files_are_missing_and_caches_are_told_all_the_same(front: Front, path: str) -> None:
    status, text = front.ask("GET", path)
    assert (status, text) == (404, "there is no such file\n")
    missing = front.get("/live/nothing.ts")
    assert missing.headers["cache-control"] == "public, max-age=600"
    assert missing.headers["content-type"] == "text/plain; charset=utf-8"


def test_playlists_become_files_with_high_performance_hls(front: Front) -> None:
    assert front.ask("GET", "/live/s.m3u8")[1]["path"] == "/live/s.m3u8"
    try:
        for age in (10, 1):
            front.hls = HlsFiles(plain=True, max_age_s=age)
            front.load()
            answer = front.get("/live/s.m3u8")
            assert (answer.text, answer.headers["content-type"]) == ("#EXTM3U", "application/vnd.apple.mpegurl")
            assert answer.headers["cache-control"] == f"public, max-age={age}"
            assert front.get("/live/none.m3u8").status_code == 404
            assert front.ask("GET", "/live/s.flv")[1]["path"] == "/live/s.flv"
    finally:
        front.hls = HlsFiles()
        front.load()


def test_pages_and_how_long_they_are_kept(front: Front) -> None:
    month = "max-age=2592000"
    kept = {"/tools/player.html": None, "/players/whip.html": month, "/players/none.html": month}
    for path, header in kept.items():
        assert front.get(path).headers.get("cache-control") == header, path
    assert front.get("/players/none.html").status_code == 404
    assert front.get("/players/").status_code == 404


def test_the_console_is_one_page_at_any_depth(front: Front) -> None:
    for path in ("/console", "/console/live", "/console/live/live/x", "/console/app/index.html", "/console/sign-in"):
        answer = front.get(path)
        up = "../" * (path.count("/") - 1)
        assert (answer.text.strip(), answer.headers.get("cache-control")) == (f"main page{up}", "no-cache"), path
        assert answer.headers["content-encoding"] == "gzip"
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
    part = front.get("/console/app/assets/app-1.js")
    assert (part.text, part.headers["cache-control"]) == ("script", "max-age=31536000, immutable")
    assert front.get("/console/app/icon.svg").status_code == 200
    assert front.get("/console/app/assets/none.js").status_code == 404
    assert front.get("/console/en_index.html").text == "no console of SRS"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/mgmt", "live"),
        ("/mgmt/", "live"),
        ("/mgmt/en/routers-scenario", "live"),
        ("/mgmt/zh/routers-scenario?tab=record", "recordings"),
        ("/mgmt/en/routers-scenario?tab=forward", "restream"),
        ("/mgmt/en/routers-settings", "settings"),
    ],
)
def test_the_pages_of_old_lead_to_the_console(front: Front, path: str, page: str) -> None:
    answer = front.get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/console/{page}")


@pytest.mark.parametrize("before", ["", "/sluice"])
def test_a9_below_a_prefix_everything_leads_on_below_it(front: Front, before: str) -> None:
    """Whether the proxy takes the prefix off or leaves it."""
    try:
        front.prefix = "/sluice"
        front.load()
        assert front.get(f"{before}/").headers["location"] == "/sluice/mgmt"
        assert front.get(f"{before}/mgmt").headers["location"] == "/sluice/console/live"
        assert front.get(f"{before}/console").text.strip() == "main page"
        assert front.get(f"{before}/console/live/x").text.strip() == "main page../../"
        assert front.ask("GET", f"{before}/v1/health")[1]["path"] == "/v1/health"
        assert front.ask("GET", f"{before}/live/x.flv?a=b")[1]["path"] == "/live/x.flv?a=b"
        assert front.ask("GET", f"{before}/live/s-0-1.ts") == (200, "0123456789")
        assert front.ask("GET", f"{before}/live/../x.flv")[0] == 400
        assert front.ask("GET", "/sluicex/v1/health")[0] == 404
    finally:
        front.prefix = ""
        front.load()
    assert front.get("/").headers["location"] == "/mgmt"
    assert front.get("/sluice/mgmt").status_code == 404


def test_a9_the_agent_gives_out_what_begins_a_viewers_session(front: Front) -> None:
    for path in ("/live/s.m3u8", "/live/s.m3u8?a=b", "/live/s.flv", "/live/s.m3u8?hls_ctx=x&a=b"):
        front.clear()
        assert front.ask("GET", path)[1]["path"] == path
        begins = ".m3u8" in path and "hls_ctx" not in path
        assert [bool(front.seen[name]) for name in ("local", "media_http")] == [begins, not begins], path


def test_a_page_has_the_other_names_that_clients_know(front: Front) -> None:
    for name, text, kept in (
        ("/tools/xgplayer.html", "player", None),
        ("/players/srs_player.html", "player", "max-age=2592000"),
        ("/players/rtc_publisher.html", "whip", "max-age=2592000"),
    ):
        answer = front.get(f"{name}?stream=x")
        assert (answer.status_code, answer.text) == (200, text), name
        assert answer.headers.get("cache-control") == kept, name


def test_well_known_files_are_not_kept(front: Front) -> None:
    answer = front.get("/.well-known/x.txt")
    assert (answer.text, answer.headers["cache-control"]) == ("known", "no-cache, max-age=0")
    missing = front.get("/.well-known/acme-challenge/none")
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-cache, max-age=0")
    assert front.get("/.well-known/.hidden").status_code == 404


@pytest.mark.parametrize("path", ["/v1/health", "/live/x.flv", "/live/s-0-1.ts", "/live/no.ts", "/mgmt", "/", "/api/x"])
def test_every_answer_names_the_server_and_lets_other_origins_in_once(front: Front, path: str) -> None:
    headers = front.get(path, Origin="https://example.com").headers
    assert headers.get_list("server") == ["Oryx/v5.15.20"]
    assert headers.get_list("access-control-allow-origin") == ["*"]
    assert headers.get_list("access-control-expose-headers") == ["*"]
    asked = httpx.options(f"http://127.0.0.1:{front.port}{path}", trust_env=False)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["access-control-allow-headers"] == "*"


def test_https_serves_the_same_with_any_name_or_none(front: Front) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name in (None, "some.example.com"):
        with (
            socket.create_connection(("127.0.0.1", front.https_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        assert shown.subject.rfc4514_string() == "CN=srs.stack.local"
    got = httpx.get(f"https://127.0.0.1:{front.https_port}/v1/health", verify=context, trust_env=False)
    assert got.json()["headers"]["x-forwarded-proto"] == "https"
    assert f':{front.https_port}"' in got.headers["alt-svc"], "HTTP/3"
    for path in ("/v1/health", "/nowhere.ts"):
        assert "alt-svc" not in front.get(path).headers


def _issued(name: str, by: Pair | None, *, authority: bool) -> Pair:
    """A pair that another one signed, or itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if by is None else serialization.load_pem_private_key(by.key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    crt = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.leaf.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(pem.decode(), crt.public_bytes(serialization.Encoding.PEM).decode())


def test_o1_a_chain_that_was_forgotten_is_served_as_soon_as_it_is_uploaded(front: Front) -> None:
    root = _issued("root.example.org", None, authority=True)
    middle = _issued("middle.example.org", root, authority=True)
    leaf = _issued("here.example.org", middle, authority=False)
    viewer = ssl.create_default_context(cadata=root.crt)
    viewer.verify_flags &= ~ssl.VERIFY_X509_STRICT  # what it asks of authorities beyond the chain is not looked at

    def trusted() -> bool:
        with socket.create_connection(("127.0.0.1", front.https_port), timeout=10) as plain:
            try:
                viewer.wrap_socket(plain, server_hostname="here.example.org").close()
            except ssl.SSLCertVerificationError:
                return False
        return True

    async def story() -> None:
        async with admin_client(front.admin) as client:
            certificates = Certificates(
                folder=TlsFolder(front.folder / "uploads"), check=DomainCheck(Reach(), front.folder, client),
                storage=front.folder / "storage", caddy_log=front.folder / "certificates.log", clock=SystemClock(),
                apply=Driver(front.settings, client).step, served=_nothing, tell=_nothing,
            )  # fmt: skip
            front.plan = certificates.plan
            await certificates.upload(CertificateUpload(key=leaf.key, crt=leaf.crt))
            assert not await asyncio.to_thread(trusted), "the authority between is not known to anybody"
            await certificates.upload(CertificateUpload(key=leaf.key, crt=leaf.crt + middle.crt))
            assert await asyncio.to_thread(trusted)

    try:
        asyncio.run(story())
    finally:
        front.plan = None
        front.load()


async def _nothing(_: object) -> None:
    pass


def test_a_backend_that_is_down_is_a_502_in_words_and_nothing_more(front: Front) -> None:
    known = front.ports["media_http"]
    try:
        front.ports["media_http"] = 1
        front.load()
        assert front.ask("GET", "/live/x.flv") == (502, "what answers this is not running; try again in a moment\n")
    finally:
        front.ports["media_http"] = known
        front.load()


def test_what_caddy_refuses_leaves_what_it_runs(front: Front) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    good = front.port
    try:
        front.port = int(taken.getsockname()[1])
        with pytest.raises(FrontError, match="in use"):
            front.load()
    finally:
        front.port = good
        taken.close()
    assert front.get("/console/live").status_code == 200
    front.load()


def test_viewers_are_asked_for_their_link_when_there_have_to_be_links(front: Front) -> None:
    paths = ("/live/s.m3u8", "/live/s.flv", "/live/s.m3u8?hls_ctx=made-up")
    assert [front.ask("GET", path)[0] for path in paths] == [200] * 3
    try:
        for plain in (False, True):
            front.play_auth, front.hls = True, HlsFiles(plain=plain)
            front.load()
            assert [front.ask("GET", path)[0] for path in paths] == [403] * 3
            assert front.ask("GET", "/live/s.m3u8?sluice_play=good")[0] == 200
            assert front.ask("GET", "/live/s.flv?sluice_play=good")[0] == 200
            claimed = front.ask("GET", "/live/s.flv", X_Forwarded_Uri="/live/s.flv?sluice_play=good")
            assert claimed[0] == 403, "nobody can say what was asked for"
    finally:
        front.play_auth, front.hls = False, HlsFiles()
        front.load()


def test_a_playlist_begins_without_the_agent_too(front: Front) -> None:
    socket, aside = front.folder / "local.sock", front.folder / "away.sock"
    socket.rename(aside)
    try:
        front.clear()
        status, body = front.ask("GET", "/live/s.m3u8?a=b")
        assert (status, body["path"]) == (200, "/live/s.m3u8?a=b")
        assert len(front.seen["media_http"]) == 1
    finally:
        aside.rename(socket)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/live/cam.flv", "/live/cam.flv"),
        ("/live/cam.1.flv?a=b", "/live/cam.flv?a=b"),
        ("/live/a.b.c.flv", "/live/a.b.flv"),
        ("/live.x/c%40m.1.mp3", "/live.x/c@m.mp3"),
        ("/live/cam.1.m3u8?hls_ctx=x", "/live/cam.1.m3u8?hls_ctx=x"),
    ],
)
def test_n1_flv_of_a_name_with_a_dot_is_asked_for_as_srs_has_it(front: Front, path: str, asked: str) -> None:
    assert front.ask("GET", path)[1]["path"] == asked
