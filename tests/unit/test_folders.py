"""Where finished MP4s are copied: which folders there are, and what arrives in them (A6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.adapters.folders import LocalFolders


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a folder for copies."""
    folder = tmp_path / "data"
    (folder / "copies").mkdir(parents=True)
    return folder


def copied(data: Path, folder: str) -> list[Path]:
    """What a finished recording leaves in the world, its own file aside."""
    source = data.parent / "made.mp4"
    source.write_bytes(b"mp4")
    folders = LocalFolders(str(data / "record"))
    assert folders.exists(folder)
    folders.keep("uuid", source, folder)
    return [p for p in data.parent.rglob("uuid.mp4") if p.read_bytes() == b"mp4"]


@pytest.mark.parametrize(
    "folder",
    [
        "copies",
        "./copies",
        "./copies/",
        "containers/data/copies",
        "./containers/data/copies",
        "./containers//data/copies",
    ],
)
def test_a6_a_relative_folder_lies_in_the_data_folder(data: Path, folder: str) -> None:
    assert copied(data, folder) == [data / "copies" / "uuid.mp4"]


def test_a6_a_folder_that_is_called_like_the_mount_is_itself(data: Path) -> None:
    (data / "containers" / "data" / "copies").mkdir(parents=True)
    assert copied(data, "./containers/data/copies") == [data / "containers" / "data" / "copies" / "uuid.mp4"]


def test_an_absolute_folder_stays_what_it_is(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert copied(data, str(tmp_path / "elsewhere")) == [tmp_path / "elsewhere" / "uuid.mp4"]


@pytest.mark.parametrize(
    "folder",
    [
        "",
        "nowhere",
        "./containers/data/nowhere",
        "..",
        "../elsewhere",
        "copies/../../elsewhere",
        "a\0b",
        "file",
        "/no/such",
    ],
)
def test_a6_what_is_no_folder_or_leads_out_of_it_is_none(data: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (data / "file").touch()
    assert not LocalFolders(str(data / "record")).exists(folder)


def test_where_there_is_no_such_machine_there_is_no_folder(data: Path) -> None:
    assert not LocalFolders(None).exists(str(data))
