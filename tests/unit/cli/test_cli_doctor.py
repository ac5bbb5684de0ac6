"""`sluice doctor`, and what it judges by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.wire.codecs import OLDEST
from infra.cli.findings import judge_ffmpeg, version_of
from infra.cli.output import length, size

from .conftest import FakeApi, Run
from .samples import NODE


def test_a_bundle_for_helpers_holds_no_secret(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import zipfile

    secret = "canary-0123456789"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "agent.log").write_text(f"something said {secret}\n")
    kept = {"api_secret": secret, "url": "http://127.0.0.1:9"}
    (tmp_path / "instance.json").write_text(json.dumps(kept))
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    file = tmp_path / "bundle.zip"
    assert run("diagnostics", str(file), "--json").status == 0
    with zipfile.ZipFile(file) as bundle:
        texts = [bundle.read(name).decode() for name in bundle.namelist()]
    assert "logs/agent.log" in bundle.namelist()
    assert secret not in "".join(texts)


# doctor


def test_doctor_tells_what_is_dead_and_what_to_do(fake: FakeApi, run: Run) -> None:
    said = run("doctor", "--json")
    found = {f["what"]: f for f in json.loads(said.out)}
    assert found["API"]["ok"]
    assert found["node edge"]["ok"]
    assert (found["callbacks"]["ok"], found["callbacks"]["warns"]) == (True, True)
    assert "resend" in found["callbacks"]["hint"]
    assert (found["work"]["ok"], found["work"]["said"]) == (False, "2 given up")
    assert (found["replication"]["ok"], found["replication"]["said"]) == (False, "behind: no answer")
    assert said.status == 1


def test_doctor_says_that_the_api_is_away(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    said = run("doctor")
    assert said.status == 1
    assert "API: not ready" in said.out
    assert "make run" in said.out


def test_doctor_says_that_a_named_program_is_none(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    monkeypatch.setenv("FFMPEG_BIN", "/nowhere/ffmpeg")
    monkeypatch.setenv("FFPROBE_BIN", "/nowhere/ffprobe")
    found = {f["what"]: f for f in json.loads(run("doctor", "--json").out)}
    for what in ("ffmpeg", "ffprobe"):
        assert not found[what]["ok"]
        assert "/nowhere/" in found[what]["hint"]


PROTOCOLS = "Input:\n  http\nOutput:\n  rtmp\n  rtmps\n  srt\n"


@pytest.mark.parametrize("version", ["4.4", "4.4.1", "5.1.6-0+deb12u1", "n7.1", "N-118193-g5f38c82536", "9.0"])
def test_an_ffmpeg_that_can_do_all_is_good(version: str) -> None:
    found = judge_ffmpeg(version, PROTOCOLS)
    assert (found.ok, found.hint) == (True, "")


@pytest.mark.parametrize("version", ["4.3.9", "3.4.11", "2.8", "n4.2"])
def test_an_old_ffmpeg_is_told(version: str) -> None:
    found = judge_ffmpeg(version, PROTOCOLS)
    assert not found.ok
    assert "too old" in found.said
    assert ".".join(map(str, OLDEST)) in found.hint


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ("Input:\n  rtmp\n  rtmps\n  srt\nOutput:\n  rtmp\n", "rtmps, srt"),
        ("Output:\n  rtmp\n  rtmps\n  libsrt\n", "srt"),
        ("", "rtmp, rtmps, srt"),
    ],
)
def test_what_an_ffmpeg_cannot_write_is_named(listed: str, missing: str) -> None:
    found = judge_ffmpeg("7.1", listed)
    assert (found.ok, found.said) == (False, f"7.1 cannot write {missing}")


def test_versions_of_all_forms() -> None:
    assert [version_of(t) for t in ("7.1", "n4.4.2", "N-1-gabc", "", "git")] == [(7, 1), (4, 4), None, None, None]


def test_sizes_and_lengths_in_words() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_000_000, 3e9, 4e12)] == [
        "-",
        "999 B",
        "1.5 KB",
        "2.0 MB",
        "3.0 GB",
        "4.0 TB",
    ]
    assert [length(n) for n in (None, 999, 61_500, 36_000_000)] == ["0:00:00", "0:00:01", "0:01:02", "10:00:00"]


def test_what_ffmpeg_lacks_is_told(fake: FakeApi, run: Run) -> None:
    lacking = {"version": "5.1", "missing": {"transcode": ["encoder libx264"]}}
    fake.items("/v1/nodes", NODE | {"observed": NODE["observed"] | {"ffmpeg_version": "5.1", "ffmpeg": lacking}})  # type: ignore[operator]
    said = run("nodes")
    assert "5.1" in said.out
    assert "cannot transcode: it lacks encoder libx264" in said.err
