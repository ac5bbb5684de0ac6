"""The management API as the command line uses it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

TIMEOUT_S = 30.0
ALL = 100_000
"""More than any listing that is shown whole."""


class CliError(Exception):
    """Something the user can mend; the message says how."""


class NotFoundCliError(CliError):
    """The API says that there is no such thing."""


def find_instance(environment: Mapping[str, str]) -> tuple[str, str]:
    """(URL, token): from SLUICE_URL and SLUICE_TOKEN, else from the instance in SLUICE_HOME (default ./data). Its
    host lays down a token for programs of its machine.

    Raises:
        CliError: neither is there.
    """
    url, token = environment.get("SLUICE_URL", ""), environment.get("SLUICE_TOKEN", "")
    if url and token:
        return url.rstrip("/"), token
    path = Path(environment.get("SLUICE_HOME") or "data") / "instance.json"
    token = token or _machine_token(path.parent)
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        raise CliError(
            f"There is no instance in {path.parent}. Start one with `make run`, or set SLUICE_HOME to its folder, "
            "or set SLUICE_URL and SLUICE_TOKEN."
        ) from None
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise CliError(f"{path} cannot be read; it is not JSON.") from None
    if not isinstance(kept, dict) or not {"url", "api_secret"} <= set(kept):
        raise CliError(f"{path} names no address and secret; start the instance once with `make run`.")
    return url.rstrip("/") or kept["url"], token or kept["api_secret"]


def _machine_token(home: Path) -> str:
    """What the host of this machine has laid down for its programs; '' when it does not run."""
    try:
        return (home / "run" / "machine-token").read_text().strip()
    except OSError:
        return ""


class Api:
    """Calls the API; every failure becomes a CliError with the server's own words."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        if not token.isascii():
            raise CliError("The token holds characters that no token of the API has; look at SLUICE_TOKEN.")
        try:
            self._http = httpx.Client(
                base_url=url,
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT_S,
                # The front closes what it kept open whenever its configuration changes: a connection for each call.
                limits=httpx.Limits(max_keepalive_connections=0),
                transport=transport,
                trust_env=False,
            )
        except httpx.InvalidURL:
            raise CliError(f"{url} is no address; look at SLUICE_URL.") from None

    @classmethod
    def from_environment(cls) -> Api:
        """The API of the instance that the environment names."""
        return cls(*find_instance(os.environ))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str | int) -> Any:
        """One call; returns the decoded answer, None when it is empty.

        Raises:
            CliError: the API cannot be reached or refused.
        """
        try:
            answer = self._ask(method, path, body, query)
        except httpx.HTTPError as error:
            raise CliError(
                f"{self.url} does not answer ({type(error).__name__}). Is the instance running? `sluice doctor` helps."
            ) from None
        if answer.status_code == 404:
            raise NotFoundCliError(words(answer))
        if answer.status_code >= 400:
            raise CliError(words(answer))
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise CliError(f"{self.url} answers, but not as the API of Sluice does; look at SLUICE_URL.") from None

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, query: Mapping[str, Any]) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body, params=query or None)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            # A front that takes a new configuration drops who has just connected. What only reads is asked again.
            if method != "GET":
                raise
            return self._http.request(method, path, json=body, params=query or None)

    def items(self, path: str, most: int, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a listing, page by page."""
        cursor: str | None = None
        left = most
        while left > 0:
            place: dict[str, Any] = {"limit": min(left, 100)} | ({"cursor": cursor} if cursor else {})
            page = self.call("GET", path, **query, **place)
            yield from page["items"]
            left -= len(page["items"])
            cursor = page.get("cursor")
            if cursor is None:
                return

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def upload(self, path: str, file: Path) -> Any:
        """Send a file as a form, a piece at a time; returns the decoded answer.

        Raises:
            CliError: the file cannot be read, or the API refused.
        """
        try:
            with file.open("rb") as body:
                answer = self._http.post(
                    path, files={"file": (file.name, body)}, timeout=httpx.Timeout(30.0, write=None)
                )
        except OSError as error:
            raise CliError(f"{file} cannot be read: {error.strerror}.") from None
        except httpx.HTTPError as error:
            raise CliError(f"The upload broke off ({type(error).__name__}); try again.") from None
        if answer.status_code >= 400:
            raise CliError(f"{answer.text.strip()[:300]} ({answer.status_code})")
        return answer.json()

    def send(self, method: str, path: str, token: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Bytes, under a bearer of their own; whatever comes back.

        Raises:
            httpx.HTTPError: nobody answered.
        """
        own = {**headers, "Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        return self._http.request(method, path, content=content, headers=own, timeout=httpx.Timeout(60.0))

    def download(self, path: str) -> Iterator[tuple[bytes, int]]:
        """The chunks of a file with its total size (0: unknown), following the redirect to the store."""
        try:
            with self._http.stream("GET", path, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    raise CliError(f"The download failed with status {answer.status_code}.")
                total = int(answer.headers.get("content-length", 0))
                for chunk in answer.iter_bytes(1024 * 256):
                    yield chunk, total
        except httpx.HTTPError as error:
            raise CliError(f"The download broke off ({type(error).__name__}); try again.") from None


def words(answer: httpx.Response) -> str:
    """What an answer says that is no good one."""
    try:
        problem = answer.json()
        said = problem.get("detail") or problem
    except (ValueError, AttributeError):
        return f"The API answered {answer.status_code}."
    return f"{said} ({answer.status_code})"
