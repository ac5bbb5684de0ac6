"""The parts of the launcher: choices, ports, identity, lock."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from errno import EACCES, ENOSPC
from pathlib import Path
from typing import Any

import pytest

from infra.errors import InfraError
from infra.local.__main__ import in_words
from infra.local.aside import aside
from infra.local.banner import addresses, banner
from infra.local.formerly import refuse_former_data
from infra.local.identity import INTERNAL_PORTS, load_identity
from infra.local.launcher import stop_signals
from infra.local.lock import hold, holder
from infra.local.media import has_ipv6
from infra.local.plan import _passed_on
from infra.local.ports import is_free, pick_free, require_free
from infra.local.settings import Port, Settings, read_settings
from infra.local.sockets import sockets_of


def settings_in(home: Path, **environment: str) -> Settings:
    settings = read_settings({"SLUICE_HOME": str(home), "SLUICE_BIND": "127.0.0.1", **environment})
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    return settings


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield int(server.getsockname()[1])


def test_defaults_are_those_of_the_manual() -> None:
    settings = read_settings({})
    ports = (settings.http, settings.https, settings.rtmp, settings.srt, settings.rtc)
    assert [port.number for port in ports] == [2022, 2443, 1935, 10080, 8000]
    assert settings.home.name == "data"
    assert settings.home.is_absolute()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PORT", "http"),
        ("RTMP_PORT", "0"),
        ("RTC_PORT", "65536"),
        ("SLUICE_HLS_FRAGMENT", "long"),
        ("SLUICE_HLS_FRAGMENT", "0"),
        ("SLUICE_INTERNAL_PORTS", "9-1"),
        ("SLUICE_BIND", "localhost"),
        ("SLUICE_BIND", "fe80::1%eth0"),
        ("SLUICE_HOME", "/srv/my streams"),
        ("SLUICE_HOME", "/srv/直播"),
        ("SLUICE_HOME", "~nobody-of-this-name/data"),
    ],
)
def test_a_choice_that_makes_no_sense_is_named(variable: str, value: str) -> None:
    with pytest.raises(InfraError, match=variable):
        read_settings({variable: value})


def test_a_folder_above_is_written_out() -> None:
    assert read_settings({"SLUICE_HOME": "/srv/a/../b"}).home == Path("/srv/b")


@pytest.mark.parametrize(
    ("first", "second"), [("HTTP_PORT", "HTTPS_PORT"), ("HTTP_PORT", "RTMP_PORT"), ("HTTPS_PORT", "SRT_PORT")]
)
def test_two_servers_never_share_a_port(first: str, second: str) -> None:
    with pytest.raises(InfraError, match=f"{first} and {second} are both 7000"):
        read_settings({first: "7000", second: "7000"})
    read_settings({"HTTP_PORT": "7000", "SRT_PORT": "7000"})  # TCP and UDP


@pytest.mark.parametrize(
    ("bind", "here"),
    [
        ("", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
    ],
)
def test_what_listens_on_one_address_is_found_there(bind: str, here: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, SLUICE_BIND=bind)
    assert settings.url == settings.public_url == f"http://{here}:2022"
    at = addresses(settings, load_identity(settings), sockets_of(tmp_path), "s", with_srs=True)
    assert at["rtmp"] == f"rtmp://{here}:1935/live"


def test_an_address_that_this_machine_has_not_is_no_port_in_use() -> None:
    with pytest.raises(InfraError, match=r"SLUICE_BIND is '192\.0\.2\.9', which is no address of this machine"):
        require_free(Port("HTTP_PORT", 2022), "192.0.2.9")


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6")
def test_ports_are_looked_for_on_the_address_that_is_meant() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.bind(("::1", 0))
        server.listen(1)
        number = server.getsockname()[1]
        assert not is_free(number, address="::1")
        assert is_free(number, address="127.0.0.1")


def test_a_full_disk_is_said_with_what_to_do() -> None:
    said = in_words(OSError(ENOSPC, "No space left on device"))
    assert said.startswith("No space left on device.\nMake room on the disk")
    assert in_words(OSError(EACCES, "Permission denied", "/srv/x")) == "/srv/x: Permission denied."


@pytest.mark.parametrize("module", ["infra.local", "infra.cli.main"])
def test_a_terminal_without_our_letters_gets_others(module: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "SLUICE_HOME": str(tmp_path / "ü")}
    arguments = ["status"] if module == "infra.local" else ["doctor"]
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=env, capture_output=True, check=False)
    assert b"UnicodeEncodeError" not in done.stderr
    assert b"can't encode" not in done.stdout
    assert b"?" in done.stdout + done.stderr


def test_a_launcher_of_nohup_outlives_the_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert signal.SIGHUP in stop_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert signal.SIGHUP not in stop_signals()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_whoever_no_longer_listens_does_not_keep_us_from_stopping() -> None:
    work = "import os, sys; from infra.local.launcher import say; sys.stdin.read(1); say('stopping'); say('stopped')"
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=writing)
    os.close(reading)
    os.close(writing)
    process.communicate(b".", timeout=30)
    assert process.returncode == 0


def test_a_port_in_use_is_named_with_its_variable(taken: int) -> None:
    with pytest.raises(InfraError, match=f"TCP port {taken} is in use") as caught:
        require_free(Port("HTTP_PORT", taken), "127.0.0.1")
    assert f"HTTP_PORT={taken + 1} make run" in caught.value.hint


def test_a_free_port_passes_and_a_taken_one_is_not_picked(taken: int) -> None:
    assert not is_free(taken, address="127.0.0.1")
    with pytest.raises(InfraError, match="None of the ports"):
        pick_free(range(taken, taken + 1), set())


def test_an_identity_is_made_once_and_kept_for_our_eyes_only(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first, second = load_identity(settings), load_identity(settings)
    assert first == second
    assert set(first.ports) == set(INTERNAL_PORTS)
    assert len(set(first.ports.values())) == len(INTERNAL_PORTS)
    assert first.api_secret.startswith("srs-v2-")
    assert stat.S_IMODE((tmp_path / "instance.json").stat().st_mode) == 0o600
    assert (tmp_path / "run" / "join-token").read_text() == first.join_token


def test_the_user_s_secrets_win(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, MGMT_PASSWORD="mine", SRS_PLATFORM_SECRET="my-secret")
    identity = load_identity(settings)
    assert (identity.admin_password, identity.api_secret) == ("mine", "my-secret")
    assert json.loads((tmp_path / "instance.json").read_text())["admin_password"] == "mine"


def test_a_port_that_somebody_took_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    before = load_identity(settings)
    with socket.socket() as server:
        server.bind(("127.0.0.1", before.ports["hooks"]))
        server.listen(1)
        after = load_identity(settings)
    changed = {name for name in INTERNAL_PORTS if before.ports[name] != after.ports[name]}
    assert changed == {"hooks"}


def test_a_damaged_identity_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text("{")
    with pytest.raises(InfraError, match="damaged") as caught:
        load_identity(settings_in(tmp_path))
    assert "SLUICE_HOME" in caught.value.hint


def test_one_folder_has_one_launcher(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with hold(tmp_path):
        assert holder(tmp_path) is not None
        with pytest.raises(InfraError, match="running already"), hold(tmp_path):
            pass
    with hold(tmp_path):
        pass


def test_the_banner_promises_only_what_the_media_server_can(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    identity = load_identity(settings)
    at = addresses(settings, identity, sockets_of(tmp_path), "the-secret-of-now", with_srs=True)
    assert at["publish_rtmp"].endswith("/live/livestream?secret=the-secret-of-now")
    assert at["publish_srt"] in banner(at, sign_in="")
    less = addresses(settings, identity, sockets_of(tmp_path), "s", with_srs=False)
    assert set(at) - set(less) == {"publish_srt", "publish_whip", "play_flv"}
    assert "SRT" not in banner(less, sign_in="")


def test_the_banner_shows_a_link_that_signs_in_and_never_a_password(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, MGMT_PASSWORD="of-the-first-start")
    at = addresses(settings, load_identity(settings), sockets_of(tmp_path), "s", with_srs=True)
    shown = banner(at, sign_in="http://h/console/sign-in#once")
    assert "http://h/console/sign-in#once" in shown
    assert "of-the-first-start" not in shown


def test_data_of_the_emulator_s_time_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "dynamodb.json").write_text("{}")
    with pytest.raises(InfraError, match="earlier version") as caught:
        refuse_former_data(tmp_path)
    assert "sluice backup" in caught.value.hint


def test_sockets_of_a_long_path_lie_elsewhere_and_are_private(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 120)
    home.mkdir()
    first, again = sockets_of(home), sockets_of(home)
    assert first == again
    assert len(str(first.status)) <= 100
    assert stat.S_IMODE(first.folder.stat().st_mode) == 0o700
    first.folder.chmod(0o755)
    with pytest.raises(InfraError, match="somebody else"):
        sockets_of(home)
    first.folder.rmdir()


def test_what_is_done_aside_comes_back_or_is_raised() -> None:
    assert aside(lambda: {"a": [1, "two"]}) == {"a": [1, "two"]}
    with pytest.raises(InfraError, match="no such thing") as caught:
        aside(lambda: _raise(InfraError("no such thing", hint="make it")))
    assert caught.value.hint == "make it"


def _raise(error: Exception) -> dict[str, Any]:
    raise error


def test_what_the_user_says_of_uploads_reaches_the_agent() -> None:
    said = {"SLUICE_MAX_UPLOAD_MB": "5", "SLUICE_LOG_LEVEL": "", "SLUICE_HOME": "/x", "SLUICE_ACME_EMAIL": "a@b"}
    assert _passed_on(said) == {"SLUICE_MAX_UPLOAD_MB": "5", "SLUICE_ACME_EMAIL": "a@b"}
