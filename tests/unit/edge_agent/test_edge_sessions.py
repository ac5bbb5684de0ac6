"""The session book, under hooks in any order and number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from chalicelib.wire.names import StreamName
from edge.publish.reconcile import Action, Adopt, End, GoLive, Memory, Observed, ServerChanged, actions
from edge.sessions.book import SessionBook, Transition
from edge.spool.session import Session
from edge.srs.api import LiveStream, Look

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLIENTS = st.sampled_from(["c1", "c2", "c3"])
SERVICES = st.sampled_from(["svc1", "svc2"])
STREAMS = st.sampled_from(["a", "b"])


def session(n: int, client: str = "c1", stream: str = "a", service: str = "svc1") -> Session:
    name = StreamName(app="live", stream=stream)
    return Session(f"{n:026d}", name, service, client, NOW + timedelta(seconds=n))


class Hooks(RuleBasedStateMachine):
    """Hooks as a broken network of SRSs would send them; each event of the book is counted."""

    admitted = Bundle("admitted")

    def __init__(self) -> None:
        super().__init__()
        self.book = SessionBook()
        self.told: dict[str, list[str]] = {}
        self.n = 0

    def tell(self, transitions: list[Transition]) -> None:
        for t in transitions:
            self.told.setdefault(t.session.id, []).append(t.body.kind)

    @rule(target=admitted, client=CLIENTS, stream=STREAMS, service=SERVICES)
    def admit(self, client: str, stream: str, service: str) -> Session:
        self.n += 1
        new = session(self.n, client, stream, service)
        self.tell(self.book.admit(new))
        return new

    @rule(s=admitted)
    def live(self, s: Session) -> None:
        self.tell(self.book.go_live(s, NOW))

    @rule(client=CLIENTS, service=SERVICES)
    def unpublish(self, client: str, service: str) -> None:
        self.only_of(client, service, lambda: self.book.unpublish((service, client), NOW))

    @rule(client=CLIENTS, service=SERVICES)
    def close(self, client: str, service: str) -> None:
        self.only_of(client, service, lambda: self.book.close((service, client), NOW))

    def only_of(self, client: str, service: str, act) -> None:  # type: ignore[no-untyped-def]
        others = [s.id for s in self.book.opened() if s.key != (service, client)]
        self.tell(act())
        assert [s.id for s in self.book.opened() if s.key != (service, client)] == others

    @rule(client=CLIENTS, service=SERVICES, stream=STREAMS)
    def segment(self, client: str, service: str, stream: str) -> None:
        owner = self.book.owner_of_segment((service, client), f"live/{stream}")
        if owner is not None:
            assert owner.state != "refused"
            assert owner.service_id == service
            assert owner.state != "admitted" or owner.client_id == client

    @invariant()
    def each_session_ends_once_and_only_after_it_began(self) -> None:
        for kinds in self.told.values():
            assert kinds in (
                ["session.admitted"],
                ["session.admitted", "session.refused"],
                ["session.admitted", "session.live"],
                ["session.admitted", "session.live", "session.ended"],
            )

    @invariant()
    def at_most_one_live_session_a_stream_and_one_open_a_client(self) -> None:
        opened = self.book.opened()
        live = [str(s.stream) for s in opened if s.state == "live"]
        assert len(live) == len(set(live))
        assert len({s.key for s in opened}) == len(opened)

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        again = SessionBook()
        again.restore(Session.from_json(s.to_json()) for s in self.book.sessions.values())
        assert again.sessions == self.book.sessions
        assert [s.id for s in again.opened()] == [s.id for s in self.book.opened()]


TestHooks = Hooks.TestCase


def test_an_unpublish_that_a_republish_overtook_closes_only_the_first() -> None:
    book = SessionBook()
    first, second = session(1), session(2)
    book.admit(first)
    book.go_live(first, NOW)
    book.admit(second)
    assert (first.state, first.ended_reason) == ("ended", "republished")
    book.go_live(second, NOW)
    assert book.unpublish(second.key, NOW) == []
    assert second.state == "live"
    assert len(book.unpublish(second.key, NOW)) == 1


def observed(
    at: float, streams: dict[str, str], service: str = "svc1", age: float = 60.0, up: bool = True, signs: str = ""
) -> Observed:
    look = Look(up, service, {n: LiveStream(n, c) for n, c in streams.items()})
    return Observed(look, at, {f"{n:026d}": age for n in range(10)}, frozenset(signs.split()))


def run(sessions: list[Session], looks: list[Observed]) -> list[list[Action]]:
    memory = Memory()
    out: list[list[Action]] = []
    for seen in looks:
        todo, memory = actions(sessions, seen, memory)
        out.append([a for a in todo if not isinstance(a, ServerChanged)])
    return out


def live(n: int = 1, client: str = "c1") -> Session:
    s = session(n, client)
    s.state = "live"
    return s


def test_an_absence_counts_on_the_second_look() -> None:
    there, gone = {"live/a": "c1"}, {"live/b": "c9"}
    looks = [observed(0, there), observed(2, gone), observed(4, there), observed(6, {}), observed(8, {})]
    assert run([live()], looks)[:4] == [[], [], [], []]
    assert run([live()], looks)[4] == [End(live().id, "gone")]


def test_a_young_session_may_not_be_visible_yet() -> None:
    assert run([live()], [observed(n, {}, age=1) for n in range(5)]) == [[]] * 5
    assert run([session(1)], [observed(n, {}, age=10) for n in range(5)]) == [[]] * 5
    looks = [observed(n, {}, age=20) for n in range(3)]
    assert run([session(1)], looks) == [[], [], [End(session(1).id, "never_live")]]

    offered = session(1)
    offered.protocol = "webrtc"
    assert run([offered], looks)[2] == [End(offered.id, "never_live", cut=True)], "SRS would keep its name"


def test_the_publisher_goes_live_and_another_is_busy() -> None:
    seen = [observed(n, {"live/a": "c1"}) for n in range(3)]
    assert run([session(1)], seen)[0] == [GoLive(session(1).id)]
    assert run([live(1, "c1"), session(2, "c2")], seen) == [[], [], [End(session(2).id, "busy")]]


def test_a_media_server_that_is_down_for_long_ends_its_sessions() -> None:
    looks = [observed(t, {}, up=False) for t in (0, 3, 6, 7)]
    assert run([live()], looks) == [[], [], [], [End(live().id, "media_server_down")]]


@pytest.mark.parametrize("sign", ["process", "connections", "segments"])
def test_o3_a_media_server_that_shows_life_ends_no_session_however_late_it_answers(sign: str) -> None:
    there = observed(0, {"live/a": "c1"})
    late = [observed(10.0 * n, {}, up=False, signs=sign) for n in range(1, 50)]
    back = [observed(600, {}), observed(601, {"live/a": "c1"})]
    assert run([live()], [there, *late, *back]) == [[]] * 52
    dead = [observed(t, {}, up=False) for t in (501, 508)]
    assert run([live()], [there, *late, *dead])[-2:] == [[], [End(live().id, "media_server_down")]]


def test_o3_one_look_after_a_silence_refuses_nobody() -> None:
    late = [observed(n, {}, up=False, signs="process", age=60) for n in range(9)]
    back = [observed(9, {}, age=60), observed(10, {"live/a": "c1"}, age=60)]
    assert run([session(1)], [*late, *back])[-2:] == [[], [GoLive(session(1).id)]]


def test_a_publisher_without_a_session_gets_one() -> None:
    found = run([], [observed(n, {"live/a": "c1"}) for n in range(5)])
    assert [len(f) for f in found] == [0, 0, 1, 1, 1], "again until it is adopted"
    assert isinstance(found[2][0], Adopt)


@given(
    states=st.lists(st.sampled_from(["admitted", "live"]), max_size=4),
    looks=st.lists(st.tuples(st.booleans(), SERVICES, st.dictionaries(STREAMS, CLIENTS)), max_size=12),
)
def test_a_visible_publisher_is_never_ended(states: list[str], looks: list[tuple[bool, str, dict[str, str]]]) -> None:
    sessions = [session(n, f"c{n}", "ab"[n % 2]) for n in range(len(states))]
    for s, state in zip(sessions, states, strict=True):
        s.state = state  # type: ignore[assignment]
    memory = Memory()
    for at, (up, service, streams) in enumerate(looks):
        seen = observed(at, {f"live/{n}": c for n, c in streams.items()}, service, up=up)
        todo, memory = actions(sessions, seen, memory)
        ended = {a.session for a in todo if isinstance(a, End)}
        visible = {s.id for s in sessions if up and service == "svc1" and streams.get(s.stream.stream) == s.client_id}
        assert not ended & visible
