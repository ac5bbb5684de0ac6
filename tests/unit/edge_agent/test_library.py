"""Files that are brought in: where they may lie, what is deleted, and what of them is refused."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.questions import AuthorizeResponse
from edge.base.errors import NotHereError, RefusedInputError
from edge.cloud.callers import Callers
from edge.egress.passages import Passages
from edge.egress.proxy import FilteringProxy
from edge.files import folders as folders_module
from edge.files.calls import LibraryCalls
from edge.files.download import Downloads
from edge.files.folders import Folders, LibraryError, quoted
from edge.files.multipart import MultipartError, boundary_of
from edge.files.probe import Probe, read_answer
from edge.web.local.app import new_app

CLOSED = Passages(FilteringProxy(), AddressRule())


@pytest.fixture
def library(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "data")


def bring(library: Folders, name: str = "", folder: str = "upload", ext: str = ".mp4") -> str:
    target = f"{folder}/{name or uuid.uuid4()}{ext}"
    (library.root / target).write_bytes(b"film")
    return target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "upload/../../etc/passwd.mp4",
        "/etc/passwd",
        "upload/film.mp4",
        "upload/7f240664-bee1-4bd8-b443-394259822f7c",
        "upload/7f240664-bee1-4bd8-b443-394259822f7c.sh",
        "upload/7F240664-BEE1-4BD8-B443-394259822F7C.mp4",
        "other/7f240664-bee1-4bd8-b443-394259822f7c.mp4",
        "upload/7f240664-bee1-4bd8-b443-394259822f7c.mp4/x.mp4",
        "upload//7f240664-bee1-4bd8-b443-394259822f7c.mp4",
    ],
)
def test_only_our_own_names_are_files_of_ours(library: Folders, target: str) -> None:
    with pytest.raises(RefusedInputError):
        library.path(target)


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_no_text_leads_out_of_the_folders(text: str) -> None:
    library = Folders(Path("/tmp/sluice-test-library"))
    with pytest.raises((RefusedInputError, NotHereError)):
        library.path(text)
    with pytest.raises((RefusedInputError, NotHereError)):
        library.server_file(text)


def test_a_link_is_no_file_of_ours(library: Folders, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"x")
    target = f"upload/{uuid.uuid4()}.mp4"
    (library.root / target).symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(NotHereError):
        library.path(target)


def test_a_server_file_is_copied_and_stays(library: Folders) -> None:
    (library.root / "films").mkdir()
    film = library.root / "films" / "it's a film.MP4"
    film.write_bytes(b"film")
    for given_as in (str(film), "films/it's a film.MP4", "/data/films/it's a film.MP4"):
        found = library.copy_in(given_as)
        assert (found.name, found.size) == ("it's a film.MP4", 4)
        assert found.target == f"upload/{found.uuid}.mp4"
        assert library.path(found.target).read_bytes() == b"film"
    assert film.exists()


def test_files_outside_of_the_data_folder_are_refused(library: Folders, tmp_path: Path) -> None:
    outside = tmp_path / "database"  # begins like the data folder
    outside.mkdir()
    (outside / "x.mp4").write_bytes(b"x")
    (library.root / "link.mp4").symlink_to(outside / "x.mp4")
    (library.root / "folder").symlink_to(outside)
    for text in (str(outside / "x.mp4"), "upload/../../database/x.mp4", "link.mp4", "folder/x.mp4"):
        with pytest.raises(RefusedInputError, match="outside"):
            library.server_file(text)


def test_what_is_no_file_or_has_another_kind_is_refused(library: Folders) -> None:
    (library.root / "folder.mp4").mkdir()
    with pytest.raises(RefusedInputError, match="no plain file"):
        library.server_file("folder.mp4")
    with pytest.raises(NotHereError, match="no such file"):
        library.server_file("none.mp4")
    for text in ("", "x.txt", "mp4", "a\0b.mp4"):
        with pytest.raises(RefusedInputError):
            library.server_file(text)


def test_adopting_moves_all_or_nothing(library: Folders) -> None:
    first, missing = bring(library), f"upload/{uuid.uuid4()}.mp4"
    with pytest.raises(NotHereError):
        library.adopt([first, missing])
    assert library.path(first).exists()
    (adopted,) = library.adopt([first])
    assert adopted == first.replace("upload/", "vlive/")
    assert library.adopt([adopted]) == [adopted]


def test_only_files_of_ours_are_discarded(library: Folders) -> None:
    mine, film = bring(library, folder="vlive"), library.root / "film.mp4"
    film.write_bytes(b"x")
    library.discard([mine, f"vlive/{uuid.uuid4()}.mp4"])
    assert not (library.root / mine).exists()
    with pytest.raises(RefusedInputError):
        library.discard(["film.mp4"])
    assert film.exists()


def test_uploads_that_nobody_takes_over_go_after_two_hours(library: Folders) -> None:
    old, new, strange = bring(library), bring(library), library.root / "upload" / "notes.txt"
    strange.write_text("the owner's own")
    long_ago = time.time() - folders_module.KEEP_S - 1
    for path in (library.root / old, strange):
        os.utime(path, (long_ago, long_ago))
    assert library.tidy() == 1
    assert not (library.root / old).exists()
    assert (library.root / new).exists()
    assert strange.exists()


def test_space_is_kept_for_recordings(library: Folders) -> None:
    with pytest.raises(LibraryError, match="kept for recordings"):
        library.check_space(10**18)


def test_a_list_quotes_what_ffmpeg_would_read_otherwise(tmp_path: Path) -> None:
    library = Folders(tmp_path / "it's data")
    path = library.write_list("list", [library.root / "a.mp4"])
    assert path.read_text() == f"ffconcat version 1.0\nfile '{tmp_path!s}/it'\\''s data/a.mp4'\n"
    with pytest.raises(LibraryError):
        quoted("/a\nfile '/etc/passwd'")


# calls ----------------------------------------------------------------------------------------------------------------


class Everybody(Callers):
    """Lets everybody in."""

    def __init__(self) -> None:
        pass

    async def check(self, header: str | None, token: str = "") -> AuthorizeResponse:
        return AuthorizeResponse(allowed=True, scope="operate")


FILM = '{"streams": [{"codec_type": "video", "codec_name": "h264"}], "format": {"duration": "1"}}'
TEXT = '{"error": {"string": "Invalid data found when processing input"}}'


def uploading(
    library: Folders, found: str | None, name: str, *, form_name: str = "", limit: int = 10**6
) -> httpx.Response:
    """Upload a file of which ffprobe says `found`; None: there is no ffprobe."""
    ffprobe = library.root / "ffprobe"
    if found is not None:
        ffprobe.write_text(f"#!/bin/sh\ncat <<'EOF'\n{found}\nEOF\n")
        ffprobe.chmod(0o700)
    calls = LibraryCalls(library, None, Everybody(), Probe(str(ffprobe), library), max_bytes=limit, open_uploads=False)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(new_app(calls.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            path = f"/terraform/v1/ffmpeg/vlive/upload/{quote(name, safe='')}"
            return await client.post(path, files={"file": (form_name or name, b"content")})

    return asyncio.run(send())


def test_s4_a_file_keeps_the_name_that_it_was_given(library: Folders) -> None:
    name = 'bu\u0308hne "1" 直播.mp4'
    answer = uploading(library, FILM, name)
    assert answer.status_code == 200, answer.text
    target = answer.json()["data"]["target"]
    look = Probe(str(library.root / "ffprobe"), library).look
    assert asyncio.run(look(target)).name == name
    (moved,) = library.adopt([target])
    assert asyncio.run(look(moved)).name == name
    library.discard([moved])
    assert not list((library.root / "vlive" / "names").iterdir()), "its name goes with it"


@pytest.mark.parametrize(
    ("found", "name", "status", "reason"),
    [
        (TEXT, "text.mp4", 400, "knows no format"),
        ('{"streams": [], "format": {"duration": "1"}}', "empty.mp4", 400, "neither picture nor sound"),
        (TEXT, "text.png", 400, "knows no format"),
        (FILM, "no-size.png", 400, "no picture"),
        (FILM, "film.exe", 400, "must end with"),
        (FILM, "film", 400, "must end with"),
        (None, "film.mp4", 500, "ffprobe cannot be run"),
    ],
)
def test_s5_what_can_not_be_played_is_refused_at_the_upload(
    library: Folders, found: str | None, name: str, status: int, reason: str
) -> None:
    answer = uploading(library, found, name)
    assert answer.status_code == status
    assert reason in answer.text
    assert not list((library.root / "upload").iterdir())
    assert not list((library.root / "vlive" / "names").iterdir())


def test_s5_the_fault_of_an_upload_has_its_own_status(library: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uploading(library, FILM, "film.mp4", form_name="other.mp4").status_code == 400
    assert uploading(library, FILM, "film.mp4", limit=10).status_code == 413
    monkeypatch.setattr(folders_module, "SPARE_BYTES", 2**80)
    assert uploading(library, FILM, "film.mp4").status_code == 507


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=x"])
def test_what_is_no_form_is_refused_before_it_is_read(kind: str) -> None:
    with pytest.raises(MultipartError):
        boundary_of(kind)


def test_a_boundary_is_found() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"


# addresses, downloads, probes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "rtmp://localhost/live/x", "http://[::1]/x"])
def test_private_urls_are_refused_where_they_are_not_allowed(url: str) -> None:
    async def run() -> None:
        async with CLOSED.through(url):
            raise AssertionError("it was let through")

    with pytest.raises(RefusedInputError):
        asyncio.run(run())


def test_a_download_is_one_argument_list_in_which_the_url_is_no_option(tmp_path: Path) -> None:
    argv = Downloads("/usr/bin/ffmpeg", max_bytes=5).argv("--exec=reboot", tmp_path / "x")
    assert argv[-2:] == ["--", "--exec=reboot"]
    assert argv[argv.index("--max-filesize") + 1] == "5"
    assert argv[argv.index("--output") + 1].startswith(str(tmp_path))
    assert {"--ignore-config", "--no-playlist"} <= set(argv)


def test_a_probe_says_what_to_do(library: Folders) -> None:
    probe = Probe("/nonexistent/ffprobe", library, CLOSED.through)
    look: Callable[[str], str] = lambda target: asyncio.run(probe.look(target)).error  # noqa: E731
    assert "private address" in look("rtmp://127.0.0.1/live/x")
    assert "input URL must start" in look("file:///etc/passwd")
    assert "must be upload or vlive" in look("/etc/passwd")
    assert "bring it in again" in look(f"upload/{uuid.uuid4()}.mp4")
    assert "ffprobe cannot be run" in look(bring(library))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "no format"),
        (b"[]", "no format"),
        (b'{"error": {"string": "Invalid data found when processing input"}}', "no format"),
        (b'{"error": {"string": "Connection refused"}}', "nobody listens"),
        (b'{"error": {"string": "Server returned 401 Unauthorized"}}', "credentials"),
        (b'{"format": {}}', "no format"),
    ],
)
def test_what_ffprobe_says_becomes_words_for_its_owner(said: bytes, reason: str) -> None:
    assert reason in read_answer(said).error


def test_the_cover_of_a_song_is_no_video() -> None:
    said = b"""{"streams": [{"codec_type": "audio", "codec_name": "mp3", "channels": 2},
        {"codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}}],
        "format": {"duration": "3.0", "nb_streams": 2}}"""
    found = read_answer(said)
    assert found.video is None
    assert found.audio is not None
    assert found.audio.channels == 2
    assert found.format is not None
    assert not found.format.has_video
