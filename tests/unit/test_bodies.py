"""Bodies and tokens as programs write them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import BaseModel, ValidationError

from chalicelib.domain.errors import InvalidInputError, UnauthenticatedError
from chalicelib.routes.problem_details import body_of, parse
from chalicelib.services.account.auth import bearer


class Titled(BaseModel):
    title: str = ""


def test_a_byte_order_mark_is_none_of_the_body() -> None:
    assert parse(Titled, b'\xef\xbb\xbf{"title":"x"}').title == "x"
    assert parse(Titled, b"\xef\xbb\xbf").title == ""
    with pytest.raises(ValidationError):
        parse(Titled, b"\xef\xbb\xbf\xef\xbb\xbf{}")


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip"])
def test_a_compressed_body_is_said_to_be_one(coding: str) -> None:
    with pytest.raises(InvalidInputError, match="compressed"):
        body_of(SimpleNamespace(headers={"content-encoding": coding}, raw_body=b"\x1f\x8b"))


@pytest.mark.parametrize("headers", [{}, {"content-encoding": ""}, {"content-encoding": "Identity"}])
def test_any_other_body_is_as_it_was_written(headers: dict[str, str]) -> None:
    assert body_of(SimpleNamespace(headers=headers, raw_body=b"{}")) == b"{}"


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "Bearer   abc ", "BEARER abc"])
def test_a_token_is_taken_with_any_number_of_spaces(header: str) -> None:
    """RFC 9110, section 11.4: `1*SP`."""
    assert bearer(header) == "abc"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer a b", "Basic abc", "abc"])
def test_what_is_no_token_is_refused(header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        bearer(header)
