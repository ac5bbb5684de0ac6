"""Recordings behind the front: files that the cloud names, and no others."""

from __future__ import annotations

import httpx
import pytest

from tests.front_rig import Front

FILES = {
    "u/n/s/1-10.ts": "video/mp2t",
    "u/index.m3u8": "application/vnd.apple.mpegurl",
    "u/index.mp4": "video/mp4",
    "u/cover.jpg": "image/jpeg",
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_the_cloud_names_are_served_from_its_folder(front: Front, name: str) -> None:
    front.clear()
    got = front.get(f"/recordings/file/{name}?token=t", Range="bytes=0-1", **{"X-Sluice-Accel": "no"})
    text = (front.folder / "objects" / name).read_text()
    assert (got.status_code, got.text) == (206, text[:2])
    assert got.headers.get_list("content-type") == [FILES[name]]
    assert got.headers["cache-control"] == "private, max-age=5"
    assert got.headers["content-disposition"] == 'attachment; filename="a b.ts"'
    assert got.headers.get_list("access-control-allow-origin") == ["*"]
    assert "x-accel-redirect" not in got.headers
    assert "set-cookie" not in got.headers
    assert front.seen["cloud"][0]["headers"]["x-sluice-accel"] == "1"
    whole = httpx.head(f"http://127.0.0.1:{front.port}/recordings/file/{name}", trust_env=False)
    assert (whole.status_code, whole.headers["content-length"]) == (200, str(len(text)))
    again = front.get(f"/recordings/file/{name}", **{"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304


def test_links_and_what_lies_outside_are_no_recordings(front: Front) -> None:
    objects = front.folder / "objects"
    (objects / "u" / "link.ts").symlink_to(front.folder / "outside.ts")
    (objects / "folder").symlink_to(front.folder)
    (objects / "inside.ts").symlink_to(objects / "u" / "n" / "s" / "1-10.ts")
    assert (objects / "u" / "link.ts").read_text() == "hush"
    for name in ("u/link.ts", "folder/outside.ts", "inside.ts", "u", "none.ts"):
        got = front.get(f"/recordings/file/{name}")
        assert got.status_code == 404, name
        assert "hush" not in got.text


def test_without_a_folder_the_cloud_serves_and_is_told_nothing(front: Front) -> None:
    try:
        front.objects = False
        front.load()
        front.clear()
        _, seen = front.ask("GET", "/recordings/file/u/index.mp4", X_Sluice_Accel="1")
        assert "x-sluice-accel" not in seen["headers"]
    finally:
        front.objects = True
        front.load()
