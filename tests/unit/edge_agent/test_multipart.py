"""Forms that bring files in, as browsers and programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.files.multipart import FileParts, MultipartError
from edge.files.names import is_called, is_file

# forms ----------------------------------------------------------------------------------------------------------------

BOUNDARY = "xxBOUNDARYxx"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: {head}\r\nContent-Type: video/mp4\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode()


def take(body: bytes, name: str = "a b.mp4", step: int = 7) -> bytes:
    written: list[bytes] = []
    parts = FileParts(BOUNDARY.encode(), name, written.append)
    for at in range(0, len(body), step):
        parts.feed(body[at : at + step])
    parts.close()
    assert parts.size == sum(map(len, written))
    return b"".join(written)


def disposition(name: str) -> str:
    return f'form-data; name="file"; filename="{name}"'


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 400))
@settings(max_examples=50)
def test_parts_are_written_one_after_the_other(datas: list[bytes], step: int) -> None:
    datas = [d for d in datas if BOUNDARY.encode() not in d]
    if datas:
        assert take(form(*((disposition("a b.mp4"), d) for d in datas)), step=step) == b"".join(datas)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (form((disposition("other.mp4"), b"x")), "another name"),
        (form((disposition("../a b.mp4"), b"x")), "another name"),
        (form(('form-data; name="token"', b"x")), "no file"),
        (form((disposition("a b.mp4"), b"x"), ('form-data; name="note"', b"x")), "no file"),
        (form((disposition("a b.mp4"), b"x"))[:-8], "broke off"),
        (b"no form at all", "malformed"),
        (b"", "broke off"),
        (form((disposition("a b.mp4") + "; x=" + "y" * 9000, b"x")), "malformed"),
    ],
)
def test_other_forms_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MultipartError, match=reason):
        take(body)


NAMES = [
    ('a"b.mp4', 'filename="a%22b.mp4"'),  # HTML standard, all browsers of today
    ('a"b.mp4', 'filename="a\\"b.mp4"'),  # curl, Go, RFC 2616
    ('a"b.mp4', 'filename="a"b.mp4"'),
    ("a%22b.mp4", 'filename="a%22b.mp4"'),
    ("50% off.mp4", 'filename="50% off.mp4"'),
    ("a\\b.mp4", 'filename="a\\b.mp4"'),
    ("a;b=c.mp4", 'filename="a;b=c.mp4"'),
    ("a b.mp4", "filename=a b.mp4"),
    ("a'b.mp4", 'filename="a\'b.mp4"'),
    ("直播 1.mp4", 'filename="直播 1.mp4"'),
    ("直播.mp4", "filename*=UTF-8''%E7%9B%B4%E6%92%AD.mp4"),  # RFC 5987 alone: urllib3 1, Java
    ("直播.mp4", "filename=\"__.mp4\"; filename*=utf-8'zh'%E7%9B%B4%E6%92%AD.mp4"),
    ("b\u00fchne.mp4", "filename*=iso-8859-1''b%FChne.mp4"),
    ("b\u00fchne.mp4", 'filename="bu\u0308hne.mp4"'),  # NFD: macOS
    ("bu\u0308hne.mp4", 'filename="b\u00fchne.mp4"'),
    ("हिन्दी.mp4", 'filename="हिन्दी.mp4"'),
    ("直播.mp4", 'filename="=?utf-8?b?55u05pKtLm1wNA==?="'),  # RFC 2047
    ("film.mp4", 'filename="C:\\Users\\x\\film.mp4"'),
    ("film.mp4", "FileName=film.mp4"),
]


@pytest.mark.parametrize(("name", "said"), NAMES)
def test_s4_a_file_is_called_as_browsers_and_programs_write_it(name: str, said: str) -> None:
    assert take(form((f'form-data; name="file"; {said}', b"film")), name=name) == b"film"
    with pytest.raises(MultipartError, match="another name"):
        take(form((f'form-data; name="file"; {said}', b"film")), name=f"x{name}")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40))
def test_s4_any_name_is_found_as_the_html_standard_writes_it(name: str) -> None:
    said = 'form-data; name="file"; filename="' + name.replace('"', "%22") + '"'
    assert is_called(said.encode(), name)
    assert not is_called(said.encode(), f"{name}x")


@given(st.binary(max_size=300))
def test_s4_no_header_breaks_the_reading(header: bytes) -> None:
    is_file(header)
    is_called(header, "film.mp4")
