"""Whether a deployment answers: asked of every door that users and nodes come by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import requests

from infra.errors import InfraError

_PATIENCE_S: Final = 300.0
"""A fresh distribution, role or function may take so long until it is known everywhere."""
_NO_TOKEN: Final = f"00000000-{'0' * 40}/00000000-0000-4000-8000-000000000000"


def test(outputs: Mapping[str, str], first: Mapping[str, str]) -> None:
    """Ask the API, once as nobody and once as the administrator, and the edges' door.

    Raises:
        InfraError: one of them does not answer as it should.
    """
    api = outputs["SiteUrl"].rstrip("/")
    if "KeysArn" in outputs:
        _expect("the console", "GET", f"{api}/console/live", {200})
        _expect("a link to a recording that is none", "GET", f"{api}/recordings/{_NO_TOKEN}/index.mp4", {403})
    _expect("the API", "GET", f"{api}/v1/health", {200})
    _expect("the API without a token", "GET", f"{api}/v1/streams", {401})
    bearer = {"Authorization": f"Bearer {first['api_secret']}"}
    # The administrator may have changed that secret since; then 401 is an answer, too.
    _expect("the API with the first API secret", "GET", f"{api}/v1/streams", {200, 401}, bearer)
    wrong = {"version": 1, "join_token": "x" * 32, "nonce": "0" * 32, "name": "smoke", "agent_version": "0"}
    _expect("the edges' door", "POST", f"{outputs['EdgeUrl'].rstrip('/')}/edge/v1/enroll", {401, 403}, json=wrong)


def _expect(
    what: str, method: str, url: str, wanted: set[int], headers: Mapping[str, str] | None = None, json: object = None
) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        said = _asked(method, url, headers, json)
        if said in wanted:
            return
        if time.monotonic() > deadline:
            raise InfraError(
                f"{what} answers {said} at {url}, and should answer {' or '.join(map(str, sorted(wanted)))}.",
                hint="The functions' logs say why. `make rollback` goes back to the last deployment that was good.",
            )
        time.sleep(1)


def _asked(method: str, url: str, headers: Mapping[str, str] | None, json: object) -> int | str:
    try:
        return requests.request(method, url, headers=headers, json=json, timeout=30).status_code
    except requests.RequestException as error:
        return type(error).__name__
