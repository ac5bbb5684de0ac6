"""The guarded client against targets that mean no good."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chalicelib.adapters.outgoing import GuardedSender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n0"


@contextmanager
def target(talk: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server of one behaviour; yields its URL and the requests it got."""
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    requests.append(connection.recv(65536))
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


@pytest.fixture
def sender() -> Iterator[GuardedSender]:
    made = GuardedSender(allow_private=True)
    yield made
    made.close()


def post(sender: GuardedSender, url: str, timeout_s: float = 1.0) -> tuple[int | None, bytes, str]:
    answer = sender.post(url, b"{}", {"Content-Type": "application/json"}, timeout_s)
    return answer.status, answer.body, answer.error


def test_a_good_target_is_heard(sender: GuardedSender) -> None:
    with target(lambda c: c.sendall(OK)) as (url, requests):
        assert post(sender, url) == (200, b"0", "")
    assert requests[0].startswith(b"POST /hook HTTP/1.1")


def test_a_private_target_gets_no_byte_unless_that_is_allowed() -> None:
    guarded = GuardedSender(allow_private=False)
    with target(lambda c: c.sendall(OK)) as (url, requests):
        status, _, error = post(guarded, url)
        assert status is None
        assert "public" in error
        assert [r for r in requests if r] == []
    guarded.close()


def test_a_redirect_is_not_followed(sender: GuardedSender) -> None:
    with target(lambda c: c.sendall(OK)) as (elsewhere, requests):
        moved = (
            f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        with target(lambda c: c.sendall(moved)) as (url, _):
            assert post(sender, url)[0] == 302
        assert b"".join(requests) == b""


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b"x" * 4096)


def trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("talk", [endless, trickle, silent, lambda c: None, lambda c: c.sendall(b"no http\r\n\r\n")])
def test_what_never_answers_well_is_given_up(sender: GuardedSender, talk: Callable[[socket.socket], None]) -> None:
    with target(talk) as (url, _):
        status, body, error = post(sender, url)
        assert status is None
        assert error
        assert url not in error
        assert len(body) <= 65536


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://no-such-host.invalid/x", "ftp://127.0.0.1/x", "http://[::1/x"]
)
def test_what_cannot_be_reached_is_explained(sender: GuardedSender, url: str) -> None:
    status, _, error = post(sender, url)
    assert status is None
    assert error
    assert url not in error


def test_a_document_is_read_within_the_same_bounds(sender: GuardedSender) -> None:
    body = b"x" * 200_000
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with target(lambda c: c.sendall(head + body)) as (url, requests):
        answer = sender.get(url, 2.0)
        assert (answer.status, answer.body) == (200, body)
        assert requests[0].startswith(b"GET ")
        assert sender.post(url, b"{}", {}, 2.0).failure == "size", "an answer to a callback is short"
    with target(lambda c: c.sendall(head.replace(b"200000", b"900000") + body * 4)) as (url, _):
        assert sender.get(url, 2.0).failure in ("size", "other")
    closed = GuardedSender(allow_private=False)
    with target(lambda c: c.sendall(OK)) as (url, requests):
        assert closed.get(url, 1.0).failure == "address"
        assert b"".join(requests) == b""
    closed.close()
