"""Which answers other origins may read: the compatible API's, as its clients expect; never what a cookie opens."""

from __future__ import annotations

import pytest

from tests.app.conftest import Api

OPEN = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "*",
    "access-control-allow-methods": "*",
    "access-control-expose-headers": "*",
    "access-control-allow-credentials": "true",
}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["mgmt/versions", "mgmt/status", "mgmt/login", "hooks/record/hls/x.m3u8"])
@pytest.mark.parametrize("origin", [None, "https://dashboard.example.com"])
def test_every_answer_of_the_compatible_api_has_all_five(api: Api, method: str, path: str, origin: str | None) -> None:
    more = {"Origin": origin} if origin else {}
    for token in (None, api.token):
        answer = api.client.http.request(
            method,
            f"/terraform/v1/{path}",
            headers=more | ({"Authorization": f"Bearer {token}"} if token else {}),
            body=b"",
        )
        found = {k.lower(): v for k, v in answer.headers.items() if k.lower().startswith("access-control")}
        assert found == OPEN


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/nodes", "/v1/me", "/v1/openapi.json", "/v1/docs", "/v1/shares/x/y"]
)
def test_what_a_cookie_opens_is_for_our_own_page(api: Api, path: str) -> None:
    answer = api("GET", path, Origin="https://evil.example.com")
    assert "access-control-allow-credentials" not in answer.headers
    if path in ("/v1/nodes", "/v1/me"):
        assert not [name for name in answer.headers if name.startswith("access-control")]
