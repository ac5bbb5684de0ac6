"""The names under which recordings are saved."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from chalicelib.routes.files import saved_as


def test_a_file_is_saved_under_the_name_that_was_asked_for() -> None:
    assert saved_as("a b.mp4") == 'attachment; filename="a b.mp4"'
    assert saved_as("直播.mp4") == "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E7%9B%B4%E6%92%AD.mp4"
    assert saved_as("bühne.mp4").isascii(), "a header holds nothing else, whoever passes it on"


@pytest.mark.parametrize("name", ["हिन्दी.mp4", "สวัสดี.mp4", "UPPER~lower.mp4", "😀.mp4", "a'b;c!.mp4", "👩\u200d💻.mp4"])
def test_a_name_of_any_script_stays_as_it_is(name: str) -> None:
    assert unquote(saved_as(name).rpartition("''")[2].removeprefix('attachment; filename="').rstrip('"')) == name


@pytest.mark.parametrize(
    ("asked", "saved"),
    [
        ("a:b@c=d.mp4", "a-b@c=d.mp4"),
        ('a"; x="b', "a-; x=-b"),
        ("a\r\nSet-Cookie: x", "a--Set-Cookie- x"),
        ("../../x", "..-..-x"),
        ("100%25.mp4", "100-25.mp4"),
        ("film\u202e4pm.exe", "film-4pm.exe"),
        ("x" * 201, "x" * 200),
    ],
)
def test_what_no_file_is_called_is_replaced(asked: str, saved: str) -> None:
    assert saved_as(asked) == f'attachment; filename="{saved}"'
