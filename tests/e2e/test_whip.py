"""Offers by WHIP and WHEP as a client makes them, without a browser: who is refused, and what becomes of the name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from infra.local.tools import find_srs

from .system import System, new_name

pytestmark = pytest.mark.media
needs_srs = pytest.mark.skipif(not find_srs(), reason="WebRTC needs SRS: name one with SRS_BIN")


def an_offer() -> str:
    common = (
        "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
        f"a=fingerprint:sha-256 {':'.join(['00'] * 32)}\r\na=setup:actpass\r\na=recvonly\r\n"
    )
    audio = f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{common}a=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
    video = (
        f"m=video 9 UDP/TLS/RTP/SAVPF 106\r\n{common}a=mid:1\r\na=rtpmap:106 H264/90000\r\n"
        "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    )
    head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    return head + audio + video


def offered(system: System, name: str, secret: str) -> httpx.Response:
    return httpx.post(
        f"{system.instance.at['url']}/rtc/v1/whip/?app=live&stream={name}&secret={secret}",
        content=an_offer().replace("a=recvonly", "a=sendonly"),
        headers={"Content-Type": "application/sdp"}, trust_env=False, timeout=30,
    )  # fmt: skip


@contextmanager
def refused_by(system: System, what: str) -> Iterator[None]:
    """While the block runs, something refuses whoever publishes with the right secret."""
    answer = system.received.answer
    limits = "/v1/settings/limits"
    if what == "limit":
        system.api.call("PATCH", limits, {"max_streams": 0})
    if what == "callback_refused":
        system.received.answer = lambda call: (200, b"1" if call["action"] == "on_publish" else b"0")
    try:
        yield
    finally:
        system.received.answer = answer
        system.api.call("PATCH", limits, {"max_streams": None})


@needs_srs
@pytest.mark.srs
@pytest.mark.parametrize(
    ("code", "words"),
    [("limit", "no more than 0 are allowed"), ("callback_refused", "refused"), ("secret_wrong", "the secret is wrong")],
)
def test_an_offer_that_is_refused_hears_why_and_frees_its_name(system: System, code: str, words: str) -> None:
    name = new_name("no")
    with refused_by(system, code):
        answer = offered(system, name, "wrong-secret" if code == "secret_wrong" else system.secret)
    assert (answer.status_code, words in answer.text) == (403, True), answer.text
    refused = system.api.call("GET", "/v1/events", kind="publish.refused", limit=50)["items"]
    assert [e["data"]["code"] for e in refused if e["data"]["name"] == f"live/{name}"] == [code]
    encoder = system.publish(name)  # one try: the media server by itself would hold the name for half a minute
    assert system.live(name, 12)["protocol"] == "rtmp"
    again = offered(system, name, system.secret)
    assert (again.status_code, again.text) == (403, "the stream has a publisher\n")
    system.end(encoder)
    system.gone(name)


@needs_srs
@pytest.mark.srs
def test_an_offer_that_meets_another_hears_so(system: System) -> None:
    name = new_name("two")
    first, second = offered(system, name, system.secret), offered(system, name, system.secret)
    assert (first.status_code, second.status_code) == (201, 403), second.text
    assert second.text.startswith("another offer to publish the stream was taken just before")
    left = httpx.delete(f"{system.instance.at['url']}{first.headers['location']}", trust_env=False)
    assert left.status_code == 200
    encoder = system.publish(name)
    assert system.live(name, 12)["protocol"] == "rtmp"
    system.end(encoder)
    system.gone(name)


@needs_srs
@pytest.mark.srs
def test_an_offer_that_never_connects_frees_its_name(system: System) -> None:
    name = new_name("never")
    assert offered(system, name, system.secret).status_code == 201
    assert offered(system, name, system.secret).status_code == 403, "the first still may come"
    refused = system.event(name, "session.refused", 30)
    assert refused["data"]["reason"] == "never_live"
    # The media server by itself would hold it for half a minute.
    assert system.publish(name)
    assert system.live(name, 12)["protocol"] == "rtmp"
    system.kill_encoders()
    system.gone(name)


@needs_srs
@pytest.mark.srs
def test_the_candidate_follows_the_host_that_the_client_used(system: System) -> None:
    name = new_name("candidate")
    system.publish(name)
    system.live(name)
    offer = an_offer()
    port = system.environment["RTC_PORT"]
    for host, address_ in (("192.0.2.77:1", "192.0.2.77"), ("[2001:db8::7]", "2001:db8::7")):
        answer = httpx.post(
            f"{system.instance.at['url']}/rtc/v1/whep/?app=live&stream={name}",
            content=offer, headers={"Host": host, "Content-Type": "application/sdp"}, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 201
        assert f" {address_} {port} typ host" in answer.text
        assert answer.headers["location"].startswith("/rtc/v1/")
    unknown = httpx.post(
        f"{system.instance.at['url']}/rtc/v1/whep/?app=live&stream={name}",
        content=offer, headers={"Host": "no-such-name.invalid"}, trust_env=False, timeout=20,
    )  # fmt: skip
    assert (unknown.status_code, unknown.text.partition(":")[0]) == (500, "webrtc")
