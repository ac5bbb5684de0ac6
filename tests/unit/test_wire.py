"""Property tests of the wire's rules: names, hooks, secrets, keys."""

from __future__ import annotations

import json
import os.path
import uuid
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.wire.hooks import MAX_HOOK_BYTES, InvalidHookError, parse_hook
from chalicelib.wire.names import DEFAULT_VHOST, MAX_NAME_BYTES, InvalidNameError, StreamName, check_name
from chalicelib.wire.recording import SegmentKey, manifest_key, parse_manifest_key, recording_id
from chalicelib.wire.secrets import AcceptedSecret, keyed_hash, presented_values, snapshot_accepts

KEY = "0f" * 32
GOOD = st.text(st.sampled_from("abzÄ流ж019_.~@:+=-"), min_size=1, max_size=20).filter(lambda s: s not in {".", ".."})
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
ULIDS = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)


def valid(vhost: str, app: str, stream: str) -> bool:
    try:
        check_name(vhost, app, stream)
    except InvalidNameError:
        return False
    return True


@given(st.lists(GOOD, min_size=1, max_size=2).map("/".join), GOOD)
def test_good_names_are_accepted_and_told_back(app: str, stream: str) -> None:
    assume(len(f"{app}/{stream}".encode()) < MAX_NAME_BYTES)
    assert str(StreamName(app=app, stream=stream)) == f"{app}/{stream}"
    assert str(StreamName(vhost="v.example.com", app=app, stream=stream)) == f"//v.example.com/{app}/{stream}"


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_an_accepted_name_cannot_leave_its_folder(vhost: str, app: str, stream: str) -> None:
    if not valid(vhost, app, stream):
        return
    path = f"/root/{app}/{stream}"
    assert os.path.normpath(path) == path
    assert not set(f"{vhost}{app}{stream}") & set("\0\n\r\t %\\\"'`$;|&<>?#*(){}[]!,")


@pytest.mark.parametrize(
    ("app", "stream"),
    [("live/..", "s"), ("..", "s"), (".", "s"), ("", "s"), ("live/", "s"), ("/live", "s"), ("a//b", "s"), ("live", ""),
     ("live", ".."), ("live", "a/b"), ("live", "a\n"), ("live", "a\0"), ("live", "%2e%2e"), ("live", "a b"),
     ("live", "x" * 201), ("live", "流" * 67), ("live", "a\ufffd"), ("live", "\ud800")],
)  # fmt: skip
def test_hostile_names_are_refused_without_being_repeated(app: str, stream: str) -> None:
    with pytest.raises(InvalidNameError) as error:
        check_name(DEFAULT_VHOST, app, stream)
    assert len(str(error.value)) < 200
    with pytest.raises(ValidationError):
        StreamName(app=app, stream=stream)


@given(st.binary(max_size=500))
def test_no_bytes_make_the_hook_parser_fail_otherwise(body: bytes) -> None:
    try:
        parse_hook(body)
    except InvalidHookError:
        return


@given(st.binary(max_size=60).filter(lambda b: b'"' not in b and b"\\" not in b))
def test_raw_bytes_in_a_name_do_not_lose_an_unpublish(name: bytes) -> None:
    hook = parse_hook(b'{"action":"on_unpublish","client_id":"c","service_id":"s","stream":"' + name + b'"}')
    assert (hook.action, hook.client_id, hook.service_id) == ("on_unpublish", "c", "s")
    assert hook.stream == name.decode("utf-8", "replace")


def test_a_huge_or_deep_body_is_refused() -> None:
    for body in (b" " * (MAX_HOOK_BYTES + 1), b"[" * 200_000, b'{"action":' * 20_000):
        with pytest.raises(InvalidHookError):
            parse_hook(body)


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none(), max_size=8))
def test_unknown_fields_are_ignored(more: dict[str, object]) -> None:
    known = {"action": "on_play", "client_id": "c"}
    fields = {k: v for k, v in more.items() if k not in parse_hook(json.dumps(known).encode()).model_dump()}
    assert parse_hook(json.dumps({**fields, **known}).encode()).client_id == "c"


def entry(secret: str, stream: str | None = None) -> AcceptedSecret:
    return AcceptedSecret(hash=keyed_hash(KEY, secret), length=len(secret), stream=stream)


@given(SECRETS, st.sampled_from(["?", "", "?a=b&"]))
def test_a_secret_is_seen_in_any_query_value(secret: str, before: str) -> None:
    param = f"{before}x={quote_plus(secret)}"
    assert secret in presented_values(param)
    assert snapshot_accepts(KEY, [entry(secret)], "s", param)


@given(SECRETS, st.text(max_size=10))
def test_a3_a_secret_is_seen_anywhere_in_the_name_also_in_an_outage(secret: str, before: str) -> None:
    assert snapshot_accepts(KEY, [entry(secret)], before + secret, "")
    assert snapshot_accepts(KEY, [entry(secret)], f"{before}{secret}-7", "")
    assume(secret not in before + secret[:-1])
    assert not snapshot_accepts(KEY, [entry(secret)], before + secret[:-1], "")


@given(SECRETS, st.lists(SECRETS, max_size=3), st.text(max_size=30))
def test_nothing_else_is_accepted(secret: str, others: list[str], param: str) -> None:
    stream = "stream"
    shown = {
        *presented_values(param),
        *(stream[a:b] for a in range(len(stream)) for b in range(a + 1, len(stream) + 1)),
    }
    accepted = [entry(s) for s in others]
    assert snapshot_accepts(KEY, accepted, stream, param) == bool(shown & set(others))
    assert not snapshot_accepts(KEY, [], stream, f"?secret={quote_plus(secret)}")
    assert not snapshot_accepts("00" * 32, [entry(secret)], stream, f"?secret={quote_plus(secret)}")


def test_a_room_takes_its_own_secret_and_no_other() -> None:
    accepted = [entry("global"), entry("mine", "room")]
    assert snapshot_accepts(KEY, accepted, "room", "?s=mine")
    assert not snapshot_accepts(KEY, accepted, "room", "?s=global")
    assert snapshot_accepts(KEY, accepted, "other", "?s=global")
    assert not snapshot_accepts(KEY, accepted, "other", "?s=mine")


@given(ULIDS, ULIDS, st.integers(0, 10**9), st.integers(0, 3_600_000), st.booleans())
def test_segment_keys_go_there_and_back(session: str, other: str, index: int, duration: int, disc: bool) -> None:
    key = SegmentKey(recording_id(session), "node-1", session, index, duration, disc)
    assert SegmentKey.parse(str(key)) == key
    assert SegmentKey.parse(str(key) + "x") is None
    assert parse_manifest_key(str(key)) is None
    assert (str(key) == str(SegmentKey(recording_id(session), "node-1", other, index, duration, disc))) == (
        session == other
    )


@given(ULIDS, st.integers(0, 5))
def test_recording_ids_are_version_4_uuids_and_stable(session: str, part: int) -> None:
    recording = recording_id(session, part)
    assert uuid.UUID(recording).version == 4
    assert recording == recording_id(session, part) != recording_id(session, part + 1)
    assert parse_manifest_key(manifest_key(recording, "n", session)) == (recording, "n", session)


@given(st.lists(st.integers(0, 10**8 - 1), min_size=2, max_size=20, unique=True))
def test_keys_sort_as_their_indexes(indexes: list[int]) -> None:
    keys = [str(SegmentKey(recording_id("S"), "n", "S" * 26, n, 2000)) for n in sorted(indexes)]
    assert keys == sorted(keys)
