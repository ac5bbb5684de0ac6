"""The pure rules of the cloud."""

from __future__ import annotations

import fnmatch
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import admission, destinations, ids, recordings, redact, sessions, targets
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.globs import compile_glob, matches_any
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.sessions import OpenSession, Session, StreamTail
from chalicelib.domain.model.settings import PublishSettings, RecordSettings
from chalicelib.wire.edge.events import Event, SessionAdmitted, SessionEnded, SessionLive, SessionRefused
from chalicelib.wire.edge.publish import Plan
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import Gap, ManifestSegment, SegmentKey, SessionManifest, recording_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "0123456789abcdef"
STREAM = StreamName(app="live", stream="x")
SID = "01JD0000000000000000000001"
secrets = st.text(alphabet="abcdef0123456789", min_size=8, max_size=32)
words = st.text(alphabet="abcxyz019._-", min_size=1, max_size=12).filter(lambda w: w not in (".", ".."))


# admission


@given(secrets, words, words)
def test_the_secret_is_accepted_in_any_whole_query_value(secret: str, name: str, key: str) -> None:
    for param in (f"?{key}={secret}", f"a=b&{key}={secret}", f"?{key}={secret}&z=1"):
        assert admission.shows_secret(secret, name, param)


@given(secrets, words)
def test_the_secret_is_accepted_as_the_end_or_the_whole_of_the_name(secret: str, name: str) -> None:
    assert admission.shows_secret(secret, name + secret, "")
    assert admission.shows_secret(secret, secret, "")


@given(secrets, words)
def test_a_part_of_a_value_is_not_the_secret(secret: str, extra: str) -> None:
    assert not admission.shows_secret(secret, "plain", f"?secret={secret}{extra}")
    assert not admission.shows_secret(secret, "plain", f"?secret={secret[:-1]}")
    assert admission.shows_secret(secret, f"a-{secret}-7", ""), "anywhere in the name (A3)"
    assert not admission.shows_secret(secret, f"a-{secret[:-1]}", "")
    assert admission.shows_secret(secret, "x", f"?token=abc?secret={secret}"), "behind a second mark (N4)"


def test_a_percent_encoded_secret_is_the_secret() -> None:
    assert admission.shows_secret("ab~cd.efgh", "x", "?secret=ab%7Ecd%2Eefgh")


def test_a_refusal_says_what_to_do_and_holds_no_secret() -> None:
    decision = admission.decide(PublishSettings(secret=SECRET), None, STREAM, "?secret=wrongwrong")
    assert not decision.allowed
    assert "secret is wrong" in decision.reason
    assert "wrongwrong" not in decision.reason
    assert "no secret was given" in admission.decide(PublishSettings(secret=SECRET), None, STREAM, "").reason


def test_without_auth_everybody_may_publish() -> None:
    assert admission.decide(PublishSettings(secret=SECRET, auth=False), None, STREAM, "").allowed


@pytest.mark.parametrize(("after_s", "merged"), [(0, True), (30, True), (31, False)])
def test_a_reconnect_within_the_window_goes_on_with_the_recording(after_s: int, merged: bool) -> None:
    tail = StreamTail(stream="live/x", recording=recording_id("old"), node="n1", session="old", ended_at=NOW)
    plan = admission.plan(SID, STREAM, RecordSettings(), tail, NOW + timedelta(seconds=after_s))
    assert plan.recording == (recording_id("old") if merged else recording_id(SID))


def test_a_running_session_is_not_gone_on_with() -> None:
    running = StreamTail(stream="live/x", recording=recording_id("old"), node="n1", session="old")
    assert admission.plan(SID, STREAM, RecordSettings(), running, NOW).recording == recording_id(SID)


def test_a_clock_that_was_set_back_makes_no_window_of_ten_minutes() -> None:
    tail = StreamTail(stream="live/x", recording=recording_id("old"), node="n1", session="old", ended_at=NOW)
    plan = admission.plan(SID, STREAM, RecordSettings(), tail, NOW - timedelta(minutes=10))
    assert plan.recording == recording_id(SID)


def test_the_policy_says_what_is_recorded() -> None:
    no = RecordSettings(enabled=False)
    assert admission.plan(SID, STREAM, no, None, NOW).recording is None
    other = RecordSettings(globs=["/other/*"])
    assert admission.plan(SID, STREAM, other, None, NOW).recording is None


# globs


@given(st.text(alphabet="ab/*?", min_size=1, max_size=8), st.text(alphabet="ab", min_size=1, max_size=6))
def test_simple_globs_match_as_the_shell_does_within_a_segment(pattern: str, name: str) -> None:
    expected = pattern.count("/") == 0 and fnmatch.fnmatchcase(name, pattern)
    assert (compile_glob(pattern).fullmatch(name) is not None) == expected


@given(st.text(max_size=30))
def test_no_pattern_crashes(pattern: str) -> None:
    try:
        compile_glob(pattern).fullmatch("/live/x")
    except InvalidInputError:
        return


@pytest.mark.parametrize(
    ("pattern", "app", "stream", "yes"),
    [
        ("/live/*", "live", "x", True),
        ("/live/*", "live/a", "x", False),
        ("/*/*", "live", "x", True),
        ("/live/[a-c]?", "live", "b1", True),
        ("/live/[^a-c]", "live", "b", False),
        ("/live/a\\*", "live", "a*", True),
        ("/live/a\\*", "live", "ab", False),
    ],
)
def test_globs(pattern: str, app: str, stream: str, yes: bool) -> None:
    assert matches_any([pattern], app, stream) is yes


def test_no_globs_match_everything() -> None:
    assert matches_any([], "a", "b")


@pytest.mark.parametrize("pattern", ["", "/live/[a", "/live/\\", "/live/[z-a]", "x" * 201])
def test_malformed_globs_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError):
        compile_glob(pattern)


# sessions


def event(body: SessionAdmitted | SessionLive | SessionEnded | SessionRefused, n: int) -> Event:
    return Event(id=ids.derived_ulid(NOW, str(n)), seq=n, at=NOW, session=SID, stream=STREAM, body=body)


FACTS = [
    event(SessionAdmitted(client_id="c", service_id="s"), 1),
    event(SessionLive(), 2),
    event(SessionEnded(), 3),
    event(SessionEnded(inferred=True, reason="late"), 4),
    event(SessionRefused(reason="busy"), 5),
]


@pytest.mark.parametrize("order", list(permutations(FACTS)))
def test_a_session_closes_once_in_whatever_order_facts_arrive(order: tuple[Event, ...]) -> None:
    current: Session | None = None
    closes = 0
    for fact in [*order, *order]:
        after = sessions.advance(current, "n1", fact, Plan())
        if after is not None:
            closes += after.state in ("ended", "refused")
            current = after
    assert closes == 1
    assert current is not None
    assert sessions.as_open(current) is None


def test_a_live_session_is_not_refused_afterwards() -> None:
    live = sessions.advance(None, "n1", FACTS[1], Plan())
    assert sessions.advance(live, "n1", FACTS[4], Plan()) is None


# destinations


@pytest.mark.parametrize(
    "url",
    [
        "rtmp://a.rtmp.youtube.com/live2/key",
        "rtmps://live-api-s.facebook.com:443/rtmp/key?x=1",
        "srt://h:10080?streamid=#!::r=live/x,m=publish",
    ],
)
def test_good_targets(url: str) -> None:
    assert targets.check_target_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://h/x",
        "rtmp://",
        "rtmp://h",
        "srt://h",
        "file:///etc/passwd",
        "rtmp://h/a b",
        "-i",
        "rtmp://h:99999/a",
        "",
    ],
)
def test_bad_targets_get_a_hint_and_are_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        targets.check_target_url(url)
    assert caught.value.field == "url"
    assert "QQ" not in str(caught.value)


def open_session(n: int, stream: str = "x") -> OpenSession:
    name = StreamName(app="live", stream=stream)
    return OpenSession(node="n1", session=f"s{n}", stream=name, state="live", since=NOW + timedelta(seconds=n))


def target(**changes: object) -> Destination:
    base = Destination(id="d", name="D", url="rtmp://h/a/k", created_at=NOW, updated_at=NOW)
    return base.model_copy(update=changes)


def test_the_longest_live_session_is_served() -> None:
    assert destinations.choose(target(), [open_session(2), open_session(1)]) == open_session(1)
    assert destinations.choose(target(streams=["/live/y"]), [open_session(1)]) is None
    assert destinations.choose(target(enabled=False), [open_session(1)]) is None
    waiting = open_session(1).model_copy(update={"state": "admitted"})
    assert destinations.choose(target(), [waiting]) is None


def test_a_held_lease_is_never_granted_and_fences_only_grow() -> None:
    first = destinations.grant(target(), None, open_session(1), NOW)
    assert first is not None
    assert first.fence == 1
    assert destinations.grant(target(), first, open_session(2), NOW) is None
    free = first.model_copy(update={"held": False})
    second = destinations.grant(target(), free, open_session(2), NOW)
    assert isinstance(second, Lease)
    assert (second.fence, second.session) == (2, "s2")


# recordings


def segment(index: int, session: str = SID, *, gap: bool = False) -> recordings.Segment:
    return recordings.Segment(SegmentKey(recording_id(SID), "n1", session, index, 2000, gap), 10)


@given(st.lists(st.integers(0, 200), unique=True, min_size=1))
def test_runs_and_playlist_agree_and_lose_nothing(indexes: list[int]) -> None:
    recording = recordings.opened(recording_id(SID), STREAM, "n1", SID, NOW)
    ordered = recordings.in_order(recording, [segment(i) for i in indexes])
    runs = recordings.runs(ordered)
    assert [s for r in runs for s in r] == ordered
    text = recordings.playlist(ordered, ended=True)
    assert text.count("#EXT-X-DISCONTINUITY") == len(runs) - 1
    assert text.count("#EXTINF:2.000,") == len(indexes)


def test_the_playlist_has_paths_relative_to_its_folder() -> None:
    text = recordings.playlist([segment(0)], ended=False)
    assert text.splitlines()[-1] == f"n1/{SID}/00000000-2000.ts"
    assert "ENDLIST" not in text


def test_the_proof_tells_changed_and_missing_segments() -> None:
    kept, lost, changed = segment(0), segment(1), segment(2)
    claims = [
        ManifestSegment(index=s.key.index, duration_ms=2000, bytes=10, sha256="aa", key=s.path)
        for s in (kept, lost, changed)
    ]
    manifest = SessionManifest(
        recording=recording_id(SID),
        node="n1",
        session=SID,
        stream=STREAM,
        started_at=NOW,
        ended_at=NOW,
        segments=claims,
        gaps=[Gap(before_index=5, reason="disk_full")],
    )
    hashes = {kept.path: "aa", changed.path: "bb"}
    proof = recordings.proof(recording_id(SID), [kept, changed], hashes, [manifest])
    assert [(g["before_index"], g["reason"]) for g in proof["gaps"]] == [
        (5, "disk_full"),
        (2, "corrupt"),
        (1, "missing_file"),
    ]
    assert json.dumps(proof)


def test_a_recording_is_complete_when_every_part_is() -> None:
    r = recordings.opened(recording_id(SID), STREAM, "n1", "a", NOW)
    r = recordings.with_part(r, "b", NOW, node="n1")
    r = recordings.with_part(r, "a", NOW, done=True)
    assert not recordings.is_complete(r)
    assert recordings.is_complete(recordings.with_part(r, "b", NOW, done=True))


# redaction


@given(secrets, words)
def test_no_secret_in_a_shown_name(secret: str, name: str) -> None:
    shown = redact.stream_name(StreamName(app="live", stream=name + secret), [secret])
    assert secret not in str(shown)


def test_a_shown_target_has_no_key() -> None:
    assert redact.target_url("rtmp://u:p@h:1935/live/key?k=v") == "rtmp://h:1935/live/***?***"
    assert "KEY" not in redact.target_url("srt://h:9?streamid=KEY")


def test_derived_ids_are_the_same_each_time_and_sort_by_time() -> None:
    assert ids.derived_ulid(NOW, "a") == ids.derived_ulid(NOW, "a") != ids.derived_ulid(NOW, "b")
    assert ids.derived_ulid(NOW, "z") < ids.derived_ulid(NOW + timedelta(milliseconds=1), "a")
    assert ids.ulid_time(ids.derived_ulid(NOW, "a")) == NOW


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a5_a_stream_that_goes_on_after_its_cut_is_listed_again(ms: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    session = Session(id="s", node="n", stream=StreamName(app="a", stream="b"), state="live", admitted_at=at, cut_at=at)
    shown = sessions.shows_live(session, at + timedelta(milliseconds=ms))
    assert shown == (ms > sessions.CUT_TAKES / timedelta(milliseconds=1))
    assert sessions.shows_live(session.model_copy(update={"cut_at": None}), at)
    assert not sessions.shows_live(session.model_copy(update={"state": "ended", "cut_at": None}), at)
