"""Names as people have them, on the real media server, and what becomes of them everywhere (N1 to N5, A3)."""

from __future__ import annotations

import subprocess
import unicodedata
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest

from tests.waiting import until

from .rtmp_sink import RtmpSink
from .system import System, moment, new_name
from .test_whip import an_offer

pytestmark = pytest.mark.media


def by_app(system: System, app: str, stream: str) -> subprocess.Popen[bytes]:
    """Publish as OBS does with these two fields."""
    names = ["-rtmp_app", app, "-rtmp_playpath", stream, "-rtmp_tcurl", system.rtmp(app)]
    return system.encode(
        ["-stream_loop", "-1", "-i", str(system.clip), "-c", "copy", "-f", "flv", *names, system.rtmp(app)]
    )


def refusal(system: System, name: str) -> dict[str, object]:
    def look() -> dict[str, object] | None:
        found = system.api.call("GET", "/v1/events", kind="publish.refused", limit=100)["items"]
        return next((dict(e["data"]) for e in found if e["data"]["name"] == name), None)

    return until(look, f"the refusal of {name} is an event")


def address(system: System) -> str:
    return f"http://127.0.0.1:{system.environment['HTTP_PORT']}"


def hls(system: System, name: str) -> str:
    url = f"{address(system)}/live/{quote(name, safe='')}.m3u8"

    def look() -> str | None:
        answer = httpx.get(url, follow_redirects=True, trust_env=False)
        return answer.text if answer.status_code == 200 and "#EXT" in answer.text else None

    return until(look, f"{name} plays by HLS", 40)


@pytest.mark.parametrize("name", ["cam.1", "a.b.c", "room~1", "x@y:z+1"])
def test_n1_a_name_with_dots_works_like_any_other(system: System, sink: RtmpSink, name: str) -> None:
    name = f"{new_name('n')}-{name}"
    key = new_name("key")
    system.add_destination(name, sink.url(key))
    encoder = system.publish(name)
    live = system.live(name)
    session = live["session"]
    until(lambda: sink.flowing(key), "it is pushed")
    assert hls(system, name)
    if system.agent_status()["media_server"]["kind"] == "srs":
        with httpx.stream("GET", f"{address(system)}/live/{quote(name)}.flv", trust_env=False) as flv:
            assert next(flv.iter_raw())[:3] == b"FLV"
        # Whether something comes out of it is looked at for eight seconds at most.
        until(lambda: datetime.now(UTC).timestamp() > moment(live["live_at"]) + 11, "it was looked at", 15)
    assert [s["name"] for s in system.api.call("GET", "/v1/streams")["items"]] == [name], "and no phantom"
    system.end(encoder)
    system.gone(name)
    assert [s["id"] for s in system.sessions(name)] == [session]


def test_n1_a_name_that_the_media_server_folds_with_a_live_one_is_refused_with_that_reason(system: System) -> None:
    name = new_name("fold")
    encoder = system.publish(f"{name}.1")
    system.live(f"{name}.1")
    assert system.refused(f"live/{name}.2?secret={system.secret}")
    assert refusal(system, f"live/{name}.2")["code"] == "name_folded"
    assert system.live(f"{name}.1"), "the first goes on"
    system.end(encoder)
    system.gone(f"{name}.1")


@pytest.mark.parametrize("word", ["直播间", "हिन्दी", "สวัสดี", "bühne", "قناة"])
def test_n2_n3_a_name_in_any_script_is_published_pushed_and_played(system: System, sink: RtmpSink, word: str) -> None:
    name = f"{new_name('s')}{unicodedata.normalize('NFC', word)}"
    key = new_name("key")
    system.add_destination(name, sink.url(key))
    encoder = by_app(system, f"live?secret={system.secret}", name)
    assert system.live(name)["name"] == name
    until(lambda: sink.flowing(key), "it is pushed")
    assert hls(system, name)
    flv = httpx.get(f"{address(system)}/live/{quote(name)}.flv", trust_env=False, timeout=10)
    assert flv.status_code in (404, 501), flv.status_code
    assert "HLS" in flv.text, "what can't be had by FLV says so"
    system.end(encoder)
    system.gone(name)


def test_n2_a_query_that_the_media_server_can_t_take_off_is_refused_with_that_reason(system: System) -> None:
    name = f"{new_name('s')}直播间"
    if system.agent_status()["media_server"]["kind"] == "srs":
        assert system.refused(f"live/{name}?secret={system.secret}")
        assert refusal(system, f"live/{name}")["code"] == "name_not_split"
        return
    encoder = system.publish(name)
    system.live(name)
    system.end(encoder)
    system.gone(name)


def test_n3_decomposed_letters_are_the_composed_name(system: System, sink: RtmpSink) -> None:
    composed = f"{new_name('s')}b\u00fchne"
    key = new_name("key")
    system.add_destination(composed, sink.url(key))
    encoder = by_app(system, f"live?secret={system.secret}", unicodedata.normalize("NFD", composed))
    assert system.live(composed)["name"] == composed
    until(lambda: sink.flowing(key), "it is pushed")
    system.end(encoder)
    system.gone(composed)


@pytest.mark.parametrize(
    ("app", "stream"),
    [
        ("live?secret=S", "NAME"),
        ("live?secret=S", "NAME?token=abc"),
        ("live", "NAME?token=abc?secret=S"),
        ("live", "NAME?a=b&secret=S"),
        ("live", "NAME?secret=S&vhost=__defaultVhost__"),
    ],
)
def test_n4_the_secret_is_found_wherever_the_media_server_shows_it(system: System, app: str, stream: str) -> None:
    name = new_name("q")
    encoder = by_app(system, app.replace("S", system.secret), stream.replace("S", system.secret).replace("NAME", name))
    system.live(name)
    system.end(encoder)
    system.gone(name)


def test_n5_a_refused_publish_is_an_event_with_its_reason(system: System) -> None:
    name = new_name("no")
    assert system.refused(f"live/{name}?secret=wrong-secret")
    found = refusal(system, f"live/{name}")
    assert (found["code"], found["client_ip"]) == ("secret_wrong", "127.0.0.1")
    assert "secret" in str(found["reason"])
    for _ in range(3):
        assert system.refused(f"live/{name}?secret=wrong-secret")
    events = system.api.call("GET", "/v1/events", kind="publish.refused", limit=100)["items"]
    assert len([e for e in events if e["data"]["name"] == f"live/{name}"]) == 1, "the same again is counted, not told"


def test_a3_the_secret_may_stand_anywhere_in_the_name(system: System) -> None:
    name = new_name("a")
    encoder = system.publish(f"{name}-{system.secret}-7", suffix="")
    assert system.live(f"{name}-***-7")
    assert hls(system, f"{name}-{system.secret}-7")
    system.end(encoder)
    system.gone(f"{name}-***-7")


@pytest.mark.srs
@pytest.mark.parametrize(
    "stream_id",
    [
        "#!::r=live/NAME,secret=S,m=publish",
        "#!::r=live/NAME?secret=S,m=publish",
        "#!::h=live/NAME?secret=S,m=publish",
        "#!::h=127.0.0.1,r=live/NAME,key=S,m=publish",
    ],
)
@pytest.mark.parametrize("word", ["", "直播间"])
def test_n4_the_secret_is_found_in_every_form_of_srt_in_any_script(system: System, stream_id: str, word: str) -> None:
    if system.agent_status()["media_server"]["kind"] != "srs":
        pytest.skip("the stand-in has no SRT: name SRS with SRS_BIN")
    name = f"{new_name('srt')}{word}"
    query = stream_id.replace("NAME", name).replace("S,", f"{system.secret},")
    url = f"srt://127.0.0.1:{system.environment['SRT_PORT']}?streamid={query}"
    flow = ["-stream_loop", "-1", "-i", str(system.clip), "-c", "copy", "-f", "mpegts", url]
    encoder = system.encode(flow)
    assert system.live(name)["protocol"] == "srt"
    system.end(encoder)
    system.gone(name)


@pytest.mark.srs
def test_n4_whip_takes_the_secret_as_its_bearer_token(system: System) -> None:
    if system.agent_status()["media_server"]["kind"] != "srs":
        pytest.skip("the stand-in has no WebRTC: name SRS with SRS_BIN")
    wrong, right = new_name("whip"), new_name("whip")
    for name, secret in ((wrong, "wrong-secret"), (right, system.secret)):
        httpx.post(
            f"{address(system)}/rtc/v1/whip/?app=live&stream={name}",
            content=an_offer().replace("a=recvonly", "a=sendonly"),
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/sdp"},
            trust_env=False, timeout=20,
        )  # fmt: skip
    assert refusal(system, f"live/{wrong}")["code"] == "secret_wrong"
    assert system.event(right, "session.admitted")
    assert not [e for e in system.events(wrong) if e["kind"] == "session.admitted"]
