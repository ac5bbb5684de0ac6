"""What the command line says of what it was given and of what it got."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import FakeApi, Run
from .samples import CALLBACKS, COPY, DESTINATION, ID, NODE, READY, RECORDING, TRIAL

EMPTY = [
    ("nodes",),
    ("streams",),
    ("events",),
    ("recordings", "list"),
    ("destinations", "list"),
    ("sources", "list"),
    ("callbacks", "deliveries"),
    ("rooms", "list"),
    ("tokens", "list"),
    ("audit",),
    ("dead-letters", "list"),
]


@pytest.mark.parametrize("argv", EMPTY)
def test_an_empty_list_says_so(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for method, path in list(fake.answers):
        if method == "GET":
            fake.items(path)
    assert run(*argv).out.strip()
    assert json.loads(run(*argv, "--json").out) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"push": None, "waiting": {"code": "same_target", "message": "waiting: B pushes there", "by": "d2"}},
            "waiting: B",
        ),
        ({"push": {"state": "waiting", "code": "codec_not_taken", "last_error": "holds HEVC"}}, "waiting: holds HEVC"),
        ({"push": {"state": "running", "code": "", "last_error": None}}, "running"),
        ({"enabled": False}, "off"),
    ],
)
def test_d3_d4_a_list_says_why_a_destination_waits(fake: FakeApi, run: Run, more: dict[str, Any], said: str) -> None:
    fake.items("/v1/destinations", DESTINATION | more)
    assert said in " ".join(run("destinations", "list").out.split())


def test_what_is_sent_is_what_was_typed(fake: FakeApi, run: Run) -> None:
    run("destinations", "add", "T", "srt://h:1?streamid=x", "--stream", "/a", "--stream", "/b", "--disabled")
    body = {
        "name": "T",
        "url": "srt://h:1?streamid=x",
        "streams": ["/a", "/b"],
        "platform": "custom",
        "enabled": False,
    }
    assert fake.changes() == [("POST", "/v1/destinations", body)]
    # D5: server and key as a platform shows them.
    run("destinations", "add", "T", "--server", "rtmp://h/a/b", "--key", "k/1?x=y")
    assert {name: fake.changes()[-1][2].get(name) for name in ("url", "server", "key")} == {
        "url": None,
        "server": "rtmp://h/a/b",
        "key": "k/1?x=y",
    }
    run("destinations", "change", "Tube", "--key", "k/2")
    assert fake.changes()[-1] == ("PATCH", "/v1/destinations/d1", {"key": "k/2", "version": DESTINATION["version"]})
    run("callbacks", "set", "--off")
    assert fake.changes()[-1] == ("PATCH", "/v1/settings/callbacks", {"enabled": False})
    run("secret", "rotate", "-y")
    made = fake.changes()[-1][2]["secret"]
    assert len(made) == 32


@pytest.mark.parametrize(
    "argv",
    [
        ("recordings", "show", "2222"),
        ("recordings", "show", "22222222-2222-4222-8222-222222222222"),
        ("destinations", "status", "nothing"),
        ("destinations", "remove", "nothing", "-y"),
        ("streams", "--kick", "live/nothing"),
        ("callbacks", "resend", "../nodes"),
        ("callbacks", "set"),
        ("destinations", "slate", "Tube", "maybe"),
        ("certificate", "show", "--node", "nothing"),
    ],
)
def test_what_is_not_there_is_told(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("sluice: ")
    assert [c for c in fake.changes() if c[1] != "/v1/deliveries/..%2Fnodes/resend"] == []


@pytest.mark.parametrize(
    "argv",
    [(), ("recordings",), ("nothing",), ("events", "--limit", "0"), ("events", "--limit", "x"), ("recordings", "show")],
)
def test_wrong_usage_is_status_2(run: Run, argv: tuple[str, ...]) -> None:
    assert run(*argv).status == 2


def test_two_of_one_name_are_not_guessed_at(fake: FakeApi, run: Run) -> None:
    fake.items("/v1/destinations", DESTINATION, DESTINATION | {"id": "d2"})
    assert "Several destinations" in run("destinations", "disable", "Tube").err
    assert run("destinations", "status", "d2").status == 0
    fake.items("/v1/recordings", RECORDING, RECORDING | {"id": "11111112-1111-4111-8111-111111111111"})
    assert "More than one" in run("recordings", "show", "1111").err


def test_a_download_is_whole_or_not_there(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    assert run("recordings", "download", ID, "--to", str(target)).out.strip() == str(target)
    assert target.read_bytes() == b"mp4 bytes"
    said = run("recordings", "download", ID, "--to", str(target))
    assert said.status == 1
    assert "--force" in said.err
    assert json.loads(run("recordings", "download", ID, "--to", str(target), "--force", "--json").out)["bytes"] == 9
    fake.answers["GET", "/v1/shares/t/index.mp4"] = (404, b"")
    assert run("recordings", "download", ID, "--to", str(tmp_path / "b.mp4")).status == 1
    fake.answers["GET", f"/v1/recordings/{ID}"] = (200, RECORDING | {"state": "recording"})
    assert "not finished" in run("recordings", "download", ID, "--to", str(tmp_path / "b.mp4")).err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]


def test_names_of_others_are_shown_and_not_obeyed(fake: FakeApi, run: Run) -> None:
    name = "[/red] \x1b[2J [bold]x"
    fake.items("/v1/destinations", DESTINATION | {"name": name})
    fake.items("/v1/nodes", NODE | {"name": name})
    named = [f | {"name": name, "of": "node"} for f in READY["findings"]]
    fake.answers["GET", "/v1/readiness"] = (200, READY | {"findings": named})
    for argv in (("destinations", "list"), ("nodes",), ("destinations", "status", "d1"), ("doctor",)):
        said = run(*argv)
        assert "\x1b[2J" not in said.out
        assert "[/red] ?[2J [bold]x" in said.out


def test_what_is_to_be_copied_is_on_one_line(fake: FakeApi, run: Run) -> None:
    target = "https://callbacks.example.com/" + "a" * 300
    fake.answers["GET", "/v1/settings/callbacks"] = (200, CALLBACKS | {"target": target})
    assert target in run("callbacks", "show").out


def test_limits_are_set_and_lifted_one_by_one(fake: FakeApi, run: Run) -> None:
    run("limits", "set", "--max-streams", "5", "--max-pushes", "-1")
    assert fake.changes()[-1][2] == {"max_streams": 5, "max_pushes": None}
    assert run("limits", "set").status == 1


def test_a_failed_check_is_a_failure(fake: FakeApi, run: Run) -> None:
    fake.answers["POST", "/v1/callbacks/check"] = (200, TRIAL | {"ok": False, "step": "dns", "hint": "check the name"})
    said = run("callbacks", "check", "http://nowhere/")
    assert said.status == 1
    assert "check the name" in said.out


def test_a_replay_goes_on_until_all_is_sent(fake: FakeApi, run: Run) -> None:
    answers = iter([{"deliveries": 200, "next_from": "2026-11-22T13:00:00Z"}, {"deliveries": 5, "next_from": None}])
    plain = fake.answer

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        status, said = plain(method, path, body)
        return (200, next(answers)) if path == "/v1/callbacks/replay" else (status, said)

    fake.answer = answer  # type: ignore[method-assign]
    assert json.loads(run("callbacks", "replay", "2026-11-22T12:00:00Z", "--json").out)["deliveries"] == 205
    assert [c[2]["from"] for c in fake.changes()] == ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"]


def test_a_backup_is_private_and_never_overwrites(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    assert json.loads(run("settings", "export", str(file), "--json").out) == {"file": str(file)}
    assert (file.stat().st_mode & 0o777, json.loads(file.read_text())) == (0o600, COPY)
    assert "exists" in run("settings", "export", str(file)).err
    assert run("restore", str(file), answer="n\n").status == 1
    assert fake.changes() == []
    assert json.loads(run("restore", str(file), "--json", answer="y\n").out) == {"written": 4}
    assert fake.changes() == [("POST", "/v1/restore", COPY)]


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_what_is_no_backup_is_not_restored(fake: FakeApi, run: Run, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "backup.json"
    if content is not None:
        file.write_text(content)
    assert run("restore", str(file), "-y").status == 1
    assert fake.changes() == []


def test_what_is_no_file_is_not_uploaded(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    assert "is no file" in run("sources", "upload", str(tmp_path / "none.mp4")).err
    assert fake.changes() == []


def test_a_domain_with_a_problem_is_told_and_ends_with_1(fake: FakeApi, run: Run) -> None:
    found = {"items": [{"domain": "a.example.com", "problem": "a.example.com has no address yet"}]}
    fake.answers["POST", "/v1/nodes/n1/certificate/check"] = (200, found)
    said = run("certificate", "check", "a.example.com")
    assert (said.status, said.out.strip()) == (1, "a.example.com: a.example.com has no address yet")


def test_a_slate_of_ones_own_is_brought_in_first(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"moving pictures")
    assert "the card, for 5 minutes" in run("destinations", "slate", "Tube", "on", "--file", str(file)).err
    (_, path, _), (method, changed, sent) = fake.changes()
    assert path == "/terraform/v1/ffmpeg/vlive/upload/film.mp4"
    assert (method, changed) == ("PATCH", "/v1/destinations/d1")
    assert sent == {"slate": {"enabled": True, "file": f"upload/{ID}.mp4"}}
    run("destinations", "slate", "Tube", "on", "--card")
    assert fake.changes()[-1][2] == {"slate": {"enabled": True, "file": ""}}


def test_the_keys_of_a_store_come_from_the_environment_or_the_input(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("store", "set", "s3://b/p/q/", "--endpoint", "http://h:1", answer="AKID\nsecret\n")
    assert said.status == 0, said.err
    monkeypatch.setenv("SLUICE_STORE_ACCESS_KEY", "AKIE")
    monkeypatch.setenv("SLUICE_STORE_SECRET_KEY", "other")
    assert run("store", "set", "s3://b", "--host-style", "--id", "mine").status == 0
    first, second = (body["store"] for _, path, body in fake.changes() if path == "/v1/settings/store")
    assert (first["bucket"], first["prefix"], first["access_key"], first["secret_key"]) == (
        "b",
        "p/q",
        "AKID",
        "secret",
    )
    assert (second["id"], second["path_style"], second["secret_key"]) == ("mine", False, "other")
    monkeypatch.delenv("SLUICE_STORE_SECRET_KEY")
    assert "two lines of standard input" in run("store", "set", "s3://b", answer="one\n").err
    assert "names no bucket" in run("store", "set", "http://b").err


def test_a_store_that_fails_is_an_exit_status(fake: FakeApi, run: Run) -> None:
    failed = {"ok": False, "failed": "write", "words": "there is no such bucket (NoSuchBucket)", "notes": []}
    fake.answers["POST", "/v1/settings/store/test"] = (200, failed)
    said = run("store", "test")
    assert (said.status, "step write: there is no such bucket" in said.out) == (1, True)


def test_a_key_goes_apart_from_its_server(fake: FakeApi, run: Run) -> None:
    assert (
        run("sources", "add-stream", "x", "rtmps://h.example/app", "https://h.example/x.m3u8", "--key", "k#1").status
        == 0
    )
    (sent,) = [body for method, path, body in fake.calls if (method, path) == ("POST", "/v1/sources")]
    assert (sent["server"], sent["key"]) == ("rtmps://h.example/app", "k#1")
    assert "url" not in sent
