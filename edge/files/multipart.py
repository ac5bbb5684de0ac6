"""A multipart form of file parts, written as it comes in: nothing of a file is ever held in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from edge.files.names import is_called, is_file

MAX_PARTS: Final = 100_000
"""Clients cut files into parts of a few megabytes."""


class MultipartError(Exception):
    """The form is not what it has to be; the message says what to do."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a `Content-Type` names.

    Raises:
        MultipartError: it is no multipart form.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise MultipartError("the body must be a multipart form with the file in it")
    return boundary


class FileParts:
    """Takes the body in pieces and gives the bytes of its files to `write`, one part after the other.

    Every part must be a file named `name`, as the path says; any other part is an error.
    """

    def __init__(self, boundary: bytes, name: str, write: Callable[[bytes], object]) -> None:
        self._name, self._write = name, write
        self._field, self._value = b"", b""
        self._disposition = b""
        self._parts = 0
        self._ended = False
        self.size = 0
        self._parser = python_multipart.MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take a piece of the body.

        Raises:
            MultipartError: the form is malformed, or holds something else than the file.
            OSError: the file cannot be written.
        """
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise MultipartError("the form is malformed; send the file again") from None

    def close(self) -> None:
        """The body is over.

        Raises:
            MultipartError: the form is not.
        """
        if not self._ended:
            raise MultipartError("the form broke off before its end; send the file again")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MultipartError("the form has too many parts")
        self._field = self._value = self._disposition = b""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        if not is_file(self._disposition):
            raise MultipartError("the form holds a field that is no file; send the file alone")
        if not is_called(self._disposition, self._name):
            raise MultipartError("the form's file has another name than the path")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._write(data[start:end])
        self.size += end - start

    def _end(self) -> None:
        self._ended = True
