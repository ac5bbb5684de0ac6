"""What the cloud asks the agent, and whom the agent lets use the calls that it serves itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ulid import ULID

from tests.unit.edge_agent.stories import go_live, tell

from .edge_fakes import World, until


def asked(kind: str, *, seconds: float = 10, **body: Any) -> dict[str, Any]:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"id": str(ULID()), "kind": kind, "deadline": deadline.isoformat(), "body": {"kind": kind, **body}}


async def ask(w: World, question: dict[str, Any]) -> dict[str, Any]:
    w.cloud.questions = [question]
    w.agent.sync.wake()
    result: dict[str, Any] = await until(lambda: w.cloud.results.get(question["id"]))
    return result


def test_a5_a_kick_is_answered_when_the_media_server_took_it(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        result = await ask(w, asked("session.kick", session=session))
        assert result["outcome"] == "answered"
        assert w.srs.kicked == ["c1"]
        assert "c1" in w.srs.publishers.values(), "its publisher may well be there still"
        assert w.cloud.of_kind("session.ended", session) == []
        w.srs.publishers.clear()
        await until(lambda: w.cloud.of_kind("session.ended", session))
        w.agent.sync.wake()
        await until(lambda: len(w.cloud.syncs) > 3)
        assert w.srs.kicked == ["c1"], "the same question again is no other question"

    tell(tmp_path, story)


def test_a5_a_kick_that_the_media_server_does_not_take_has_failed(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.srs.kick_code = 1061
        result = await ask(w, asked("session.kick", session=session))
        assert (result["outcome"], result["error"]) == (
            "failed",
            "the media server does not cut the publisher off: code 1061",
        )
        w.srs.kick_code = 2049  # it is gone: that was wanted
        assert (await ask(w, asked("session.kick", session=session)))["outcome"] == "answered"

    tell(tmp_path, story)


def test_what_cannot_be_answered_is_said(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        assert (await ask(w, asked("session.kick", session=str(ULID()))))["outcome"] == "missing"
        refused = await ask(w, asked("session.kick", session="../../x"))
        assert (refused["outcome"], refused["field"]) == ("refused", "session")
        assert (await ask(w, asked("of.the.future")))["outcome"] == "unknown"

    tell(tmp_path, story)


def test_a_question_that_nobody_waits_for_any_more_is_left_alone(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        late = asked("session.kick", seconds=-1, session=session)
        w.cloud.questions = [{"not": "a question"}, late]
        syncs = len(w.cloud.syncs)
        w.agent.sync.wake()
        await until(lambda: len(w.cloud.syncs) > syncs + 1)
        assert w.srs.kicked == []
        assert w.cloud.results == {}

    tell(tmp_path, story)


def test_callers_are_asked_for_once_a_minute(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.known = {"Bearer right": "admin", "token jwt": "admin"}
        check = w.agent.authority.check
        for _ in range(3):
            assert (await check("Bearer right")).scope == "admin"
        assert len(w.cloud.authorized) == 1
        assert (await check(None, "jwt")).allowed
        assert not (await check("jwt")).allowed, "what is a token is no header"
        for _ in range(2):
            assert not (await check("Bearer wrong", "jwt")).allowed, "a header decides alone"
        assert len(w.cloud.authorized) == 5
        assert not (await check(None)).allowed
        assert not (await check("x" * 10_000)).allowed
        assert len(w.cloud.authorized) == 5
        del w.cloud.known["Bearer right"]
        w.clock.ahead_s += 61
        assert not (await check("Bearer right")).allowed

    tell(tmp_path, story)
