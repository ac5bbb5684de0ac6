"""The names under which recordings are saved."""

from __future__ import annotations

from chalicelib.routes.files import saved_as


def test_a_file_is_saved_under_the_name_that_was_asked_for() -> None:
    assert saved_as("a b.mp4") == 'attachment; filename="a b.mp4"'
    assert saved_as("直播.mp4") == "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E7%9B%B4%E6%92%AD.mp4"
    assert saved_as("bühne.mp4").isascii(), "a header holds nothing else, whoever passes it on"
