"""The guarded HTTP client for URLs that users give. The address that counts is the one that was connected to, so a
name that resolves to something else a moment later gains nothing.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, disable_warnings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InsecureRequestWarning, NewConnectionError

from chalicelib.ports.sending import Answer, Failure
from chalicelib.wire.addresses import AddressRule

MAX_ANSWER_BYTES: Final = 65536
MAX_DOCUMENT_BYTES: Final = 256 * 1024
"""Of what is read, rather than told; it has to fit into the table."""


BLOCKED: Final = "the target is not a public address, or it is this machine; such targets are switched off"


class BlockedAddressError(OSError):
    """The target's address may not be reached."""


class _Gate:
    """Lets connections through that may be, and cuts the last one when a call's time is over: the library's own
    time-outs begin anew with every byte, so that a trickle would never end.
    """

    def __init__(self, rule: AddressRule) -> None:
        self._rule = rule
        self._socket: socket.socket | None = None
        self.cut = False

    def connect(self, host: str, port: int, timeout_s: float | None) -> socket.socket:
        """A connection to the first address of a host that answers, and may be reached.

        Raises:
            BlockedAddressError: none of them may be reached.
            OSError: none answers, or there are none.
        """
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        places = [place for *_, place in found if self._rule.allows(str(place[0]), port)]
        if not places:
            raise BlockedAddressError(BLOCKED)
        error: OSError = ConnectionRefusedError("no address answers")
        for number, place in enumerate(places):
            try:
                # An address that swallows what it is sent must leave time for the others.
                return self._connect(place, timeout_s and timeout_s / (len(places) - number))
            except OSError as failed:
                error = failed
        raise error

    def _connect(self, place: Any, timeout_s: float | None) -> socket.socket:
        began = time.monotonic()
        sock = socket.create_connection(place[:2], timeout_s)
        peer, local = sock.getpeername(), sock.getsockname()
        if self.cut or not self._rule.allows(str(peer[0]), int(peer[1]), local=str(local[0])):
            sock.close()
            raise BlockedAddressError(BLOCKED)
        if timeout_s:
            sock.settimeout(max(timeout_s - (time.monotonic() - began), 0.1))
        self._socket = sock
        return sock

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Cut whatever is connected when the block takes longer."""
        self.cut = False
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._socket = None

    def _cut(self) -> None:
        self.cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _pools(gate: _Gate) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            return _connected(gate, self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> Any:
            return _connected(gate, self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connected(gate: _Gate, connection: HTTPConnection) -> socket.socket:
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else None
    try:
        return gate.connect(connection._dns_host, connection.port or connection.default_port, timeout)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "no answer in time") from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, gate: _Gate) -> None:
        self._gate = gate
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._gate)


def _explain(error: Exception) -> tuple[Failure, str]:
    """Where a request failed and why, in words for the person who typed the URL; never the URL itself."""
    text = str(error)
    unknown_name = any(sign in text for sign in ("Name or service not known", "NameResolutionError", "nodename nor"))
    causes: list[tuple[bool, Failure, str]] = [
        ("not a public address" in text, "address", BLOCKED),
        (unknown_name, "dns", "the host name cannot be resolved"),
        (isinstance(error, requests.exceptions.SSLError), "tls", "the TLS certificate was not accepted"),
        (isinstance(error, requests.exceptions.Timeout), "timeout", "no answer in time"),
        ("too large" in text, "size", "the answer is too large"),
        ("refused" in text, "refused", "the connection was refused"),
    ]
    found = ((failure, words) for holds, failure, words in causes if holds)
    return next(found, ("other", f"the request failed ({type(error).__name__})"))


class GuardedSender:
    """`Sender` with `requests`. `allow_loopback`: whether this machine may be reached; None: as private addresses may.
    `own_ports`: those of this machine on which programs of ours listen; they are never reached.
    """

    def __init__(
        self, *, allow_private: bool, allow_loopback: bool | None = None, own_ports: Collection[int] = frozenset()
    ) -> None:
        loopback = allow_private if allow_loopback is None else allow_loopback
        self._gate = _Gate(AddressRule(private=allow_private, loopback=loopback, own_ports=own_ports))
        self._session = requests.Session()
        self._session.trust_env = False
        # Whoever switches verification off is told so by the settings, not by a line in our log at each request.
        disable_warnings(InsecureRequestWarning)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _GuardedAdapter(self._gate))

    def close(self) -> None:
        """Let go of kept connections."""
        self._session.close()

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        """See `Sender`."""
        return self._send("POST", url, body, headers, timeout_s, verify_tls=verify_tls, most=MAX_ANSWER_BYTES)

    def get(self, url: str, timeout_s: float) -> Answer:
        """See `Sender`."""
        return self._send("GET", url, b"", {}, timeout_s, verify_tls=True, most=MAX_DOCUMENT_BYTES)

    def _send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        timeout_s: float,
        *,
        verify_tls: bool,
        most: int,
    ) -> Answer:
        started = time.monotonic()
        if not url.startswith(("http://", "https://")):
            return Answer(None, b"", "the target must be an http:// or https:// URL", 0, "url")
        try:
            with self._gate.limit(timeout_s):
                answer = self._session.request(
                    method,
                    url,
                    data=body,
                    headers=headers | {"Connection": "close"},
                    timeout=timeout_s,
                    allow_redirects=False,
                    stream=True,
                    verify=verify_tls,
                )
                with answer:
                    content = self._read(answer, most)
                if self._gate.cut:
                    raise requests.exceptions.ReadTimeout("the answer took too long")
            taken = int((time.monotonic() - started) * 1000)
            return Answer(answer.status_code, content, "", taken, headers=dict(answer.headers))
        except (requests.RequestException, OSError, ValueError, HTTPError) as error:
            late: tuple[Failure, str] = ("timeout", "no answer in time")
            failure, words = late if self._gate.cut else _explain(error)
            return Answer(None, b"", words, int((time.monotonic() - started) * 1000), failure)

    @staticmethod
    def _read(answer: requests.Response, most: int) -> bytes:
        """The body, within its size: an endless answer is no answer."""
        content = b""
        for chunk in answer.iter_content(1024):
            content += chunk
            if len(content) > most:
                raise requests.exceptions.ContentDecodingError("the answer is too large")
        return content
