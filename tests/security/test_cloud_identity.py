"""Two names are never one: identities, keys of the table, and what the media server says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.layout import LAYOUTS
from chalicelib.domain.model.account import AuditEntry
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.sessions import StreamTail
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import DEFAULT_VHOST, StreamName
from edge.srs.api import live_stream
from edge.watching.viewers import stream_of

segment = st.text(st.sampled_from("ab.-:@=+~_"), min_size=1, max_size=4).filter(lambda s: s not in (".", ".."))
vhost = st.one_of(st.just(DEFAULT_VHOST), segment)
names = st.builds(
    lambda v, app, stream: StreamName(vhost=v, app="/".join(app), stream=stream),
    vhost,
    st.lists(segment, min_size=1, max_size=3),
    segment,
)
BY_NAME: tuple[type[Entity], ...] = (StreamTail,)


def _parts(name: StreamName) -> tuple[str, str, str]:
    return name.vhost, name.app, name.stream


@given(names, names)
def test_different_names_have_different_identities_and_keys(one: StreamName, other: StreamName) -> None:
    same = _parts(one) == _parts(other)
    assert (str(one) == str(other)) == same
    for kind in BY_NAME:
        assert (LAYOUTS[kind].key(str(one)) == LAYOUTS[kind].key(str(other))) == same


def test_what_was_two_spellings_of_one_identity() -> None:
    host = StreamName(vhost="a", app="b/c", stream="d")
    path = StreamName(app="a/b/c", stream="d")
    assert str(host) != str(path)


@given(names)
def test_an_identity_leads_back_to_its_name(name: StreamName) -> None:
    if name.app.startswith(f"{DEFAULT_VHOST}/") or (name.vhost != DEFAULT_VHOST and name.app == DEFAULT_VHOST):
        return
    assert _parts(parse_stream(str(name))) == _parts(name)


@given(names)
def test_the_media_servers_words_mean_the_same(name: StreamName) -> None:
    """SRS: the URL of a stream begins with a slash on the default host, and with the name of any other."""
    path = f"{name.app}/{name.stream}"
    url = f"/{path}" if name.vhost == DEFAULT_VHOST else f"{name.vhost}/{path}"
    row: dict[str, Any] = {"publish": {"active": True, "cid": "c"}, "url": url}
    found = live_stream(row)
    assert found is not None
    assert found.name == str(name)
    played = Hook(action="on_play", client_id="c", vhost=name.vhost, app=name.app, stream=name.stream)
    if not name.stream.endswith(".m3u8"):
        assert stream_of(played) == str(name)


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_key_has_one_owner(one: str, other: str) -> None:
    """Whatever ids are asked for: two ids never lead to one item, nor an id of one kind to an item of another."""
    made: dict[tuple[str, str], tuple[type[Entity], str]] = {}
    for kind, layout in LAYOUTS.items():
        needs = layout.key.__code__.co_argcount
        if needs == 1 and kind not in (LedgerEvent, AuditEntry):
            for text in {one, other}:
                key = layout.key(text)
                assert made.setdefault(key, (kind, text)) == (kind, text)
