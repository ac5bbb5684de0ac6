"""Every command against a tiny API: what it prints, asks, sends and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.client import find_instance

from .conftest import FakeApi, Run
from .samples import ID

READING = [
    ("addresses", "live/x"),
    ("status",),
    ("nodes",),
    ("streams",),
    ("events",),
    ("recordings", "list"),
    ("recordings", "show", ID),
    ("recordings", "show", ID[:6]),
    ("recordings", "url", ID),
    ("recordings", "shares", ID),
    ("recordings", "list", "--trashed", "--search", "x", "--state", "ready"),
    ("destinations", "list"),
    ("destinations", "status", "Tube"),
    ("destinations", "status", "d1"),
    ("sources", "list"),
    ("sources", "status", "Loop"),
    ("secret", "show"),
    ("callbacks", "show"),
    ("callbacks", "deliveries"),
    ("callbacks", "secret", "show"),
    ("rooms", "list"),
    ("tokens", "list"),
    ("audit",),
    ("limits", "show"),
    ("play", "show"),
    ("platforms",),
    ("certificate", "show"),
    ("store", "list"),
    ("store", "show"),
    ("dead-letters", "list"),
    ("logins", "list"),
    ("api-secret", "show"),
    ("recordings", "settings"),
]
CHANGING = [
    ("store", "test"),
    ("store", "set", "folder"),
    ("store", "remove", "s3-1", "-y", "--force"),
    ("dead-letters", "redrive", "all"),
    ("dead-letters", "drop", "change-1", "-y"),
    ("destinations", "add", "Tube", "rtmp://a.example.com/live2/key", "--stream", "/live/*"),
    ("destinations", "change", "Tube", "--key", "k"),
    ("destinations", "enable", "Tube"),
    ("destinations", "retry", "Tube"),
    ("destinations", "disable", "d1"),
    ("destinations", "remove", "Tube", "--yes"),
    ("destinations", "slate", "Tube", "on", "--minutes", "5"),
    ("destinations", "slate", "d1", "off"),
    ("sources", "add-files", "Loop", "rtmp://a.example.com/live2/key", "/data/film.mp4", f"upload/{ID}.mp4", "--once"),
    ("sources", "add-stream", "Other", "rtmp://a.example.com/live2/key", "https://h.example/x.m3u8"),
    ("sources", "add-camera", "Door", "rtmp://a.example.com/live2/key", "rtsp://10.0.0.2/ch1", "--silent"),
    (
        "sources",
        "add-camera",
        "Door",
        "rtmp://a.example.com/live2/key",
        "rtsp://10.0.0.2/1",
        "--user",
        "a",
        "--password",
        "?",
    ),
    ("sources", "add-transcode", "Low", "rtmp://a.example.com/live2/key", "--kbps", "600", "--height", "360"),
    ("sources", "add-files", "Loop", "rtmp://a.example.com/live2", "/data/film.mp4", "--key", "k"),
    ("sources", "extend", "Loop", f"upload/{ID}.mp4"),
    ("sources", "start", "Loop"),
    ("sources", "stop", "s1"),
    ("sources", "restart", "Loop"),
    ("sources", "remove", "Loop", "--yes"),
    ("recordings", "delete", ID, "-y"),
    ("recordings", "restore", ID),
    ("recordings", "purge", ID, "-y"),
    ("recordings", "edit", ID, "--title", "Evening", "--keep"),
    ("recordings", "finish", ID, "--force"),
    ("secret", "rotate", "-y"),
    ("secret", "rotate", "--value", "a-secret-of-mine", "-y"),
    ("callbacks", "set", "--target", "http://h/cb", "--on"),
    ("callbacks", "resend", "D1"),
    ("streams", "--kick", "live/x"),
    ("rooms", "create", "Mine"),
    ("rooms", "remove", "R1", "-y"),
    ("tokens", "create", "ci", "--scope", "operate", "--days", "7"),
    ("tokens", "create", "ci", "--scope", "read", "--scope", "operate:rooms/r1"),
    ("tokens", "support", "helper", "--hours", "2"),
    ("tokens", "revoke", "ci", "-y"),
    ("limits", "set", "--max-streams", "5"),
    ("play", "set", "--on"),
    ("play", "set", "--rotate"),
    ("play", "link", "live/x", "--expires", "60", "--host", "h"),
    ("callbacks", "secret", "rotate"),
    ("callbacks", "check"),
    ("callbacks", "replay", "2026-11-22T12:00:00Z"),
    ("explain", "live/x", "--param", "?secret=x"),
    ("explain", "01JD0000000000000000000001", "--session"),
    ("nodes", "revoke", "edge", "-y"),
    ("nodes", "remove", "edge", "-y", "--force"),
    ("nodes", "rename", "edge", "other"),
    ("nodes", "drain", "edge"),
    ("nodes", "resume", "n1"),
    ("nodes", "rotate", "n1"),
    ("nodes", "join", "--name", "second"),
    ("logins", "end", "L1", "-y"),
    ("logins", "end", "all", "-y"),
    ("sign-in-link",),
    ("api-secret", "rotate", "--grace", "60", "-y"),
    ("recordings", "settings", "--open"),
    ("recordings", "settings", "--link-days", "3", "--closed"),
    ("certificate", "check", "a.example.com"),
    ("certificate", "obtain", "a.example.com", "b.example.com"),
    ("certificate", "self-signed", "--node", "edge"),
    ("certificate", "upload", __file__, __file__, "--node", "n1"),
]


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_every_command_speaks_json_and_nothing_else(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv, "--json")
    assert said.status == 0
    json.loads(said.out)


@pytest.mark.parametrize("argv", READING)
def test_every_reading_command_shows_something(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert said.status == 0
    assert said.out.strip()
    assert fake.changes() == [] or argv[1] == "url"


def test_addresses_that_are_of_no_use_say_why(fake: FakeApi, run: Run) -> None:
    rows = run("addresses", "live/x").out.splitlines()
    assert rows[1].split() == ["edge", "publish", "rtmp", "rtmp://h/live/x?secret=s"]
    assert rows[2].rstrip().endswith("not now: say the host")


@pytest.mark.parametrize("argv", CHANGING)
def test_every_changing_command_changes_one_thing(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert (said.status, len(fake.changes())) == (0, 1)
    assert said.out + said.err


def test_on_its_own_machine_it_calls_with_the_token_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps({"url": "u", "api_secret": "of-the-first-start"}))
    assert find_instance({"SLUICE_HOME": str(tmp_path)}) == ("u", "of-the-first-start")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "machine-token").write_text("of-this-start")
    assert find_instance({"SLUICE_HOME": str(tmp_path)}) == ("u", "of-this-start")
    assert find_instance({"SLUICE_HOME": str(tmp_path), "SLUICE_TOKEN": "mine"}) == ("u", "mine")


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_a_refusal_is_told_in_the_words_of_the_api(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for call in fake.answers:
        fake.answers[call] = (401, {"title": "Not authenticated", "detail": "the token is not valid"})
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert said.err == "sluice: the token is not valid (401)\n"


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_an_api_that_is_away_is_told_with_a_hint(
    run: Run, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SLUICE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SLUICE_TOKEN", "token")
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert "does not answer" in said.err
    assert "sluice doctor" in said.err


@pytest.mark.parametrize("answer", [(200, b"<html>hello"), (500, b"oops"), (502, [1]), (403, {"message": "Forbidden"})])
def test_something_that_is_not_our_api_is_told_so(fake: FakeApi, run: Run, answer: tuple[int, Any]) -> None:
    for call in fake.answers:
        fake.answers[call] = answer
    said = run("nodes")
    assert said.status == 1
    assert said.err.startswith("sluice: ")


@pytest.mark.parametrize(("url", "token"), [("nowhere", "t"), ("http://[::1", "t"), ("http://127.0.0.1:9", "tökèn")])
def test_an_address_or_token_of_no_use_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, url: str, token: str) -> None:
    monkeypatch.setenv("SLUICE_URL", url)
    monkeypatch.setenv("SLUICE_TOKEN", token)
    assert run("nodes").status == 1


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"url":"http://127.0.0.1:9"}'])
def test_a_folder_without_an_instance_says_how_to_start_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    monkeypatch.delenv("SLUICE_URL", raising=False)
    monkeypatch.delenv("SLUICE_TOKEN", raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    if content is not None:
        (tmp_path / "instance.json").write_text(content)
    said = run("status")
    assert (said.status, said.out) == (1, "")
    assert str(tmp_path) in said.err
    if content is None:
        assert "make run" in said.err


def test_the_instance_of_the_folder_is_found(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import os

    kept = {"url": os.environ["SLUICE_URL"], "api_secret": "token"}
    (tmp_path / "instance.json").write_text(json.dumps(kept))
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    assert run("nodes").status == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("recordings", "delete", ID),
        ("destinations", "remove", "Tube"),
        ("sources", "remove", "Loop"),
        ("secret", "rotate"),
        ("rooms", "remove", "R1"),
        ("tokens", "revoke", "T1"),
        ("store", "remove", "s3-1"),
        ("dead-letters", "drop", "change-1"),
    ],
)
def test_what_cannot_be_undone_is_asked_first(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for no in ("n\n", "\n", ""):
        assert run(*argv, answer=no).status == 1
    assert fake.changes() == []
    said = run(*argv, "--json", answer="y\n")
    assert (said.status, len(fake.changes())) == (0, 1)
    json.loads(said.out)  # the question is not in it
