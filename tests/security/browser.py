"""A page of the console, as far as the API sees it: it holds cookies and sends what a browser sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from tests.unit.v1_client import V1, Reply

HOST = "live.example.com"
ORIGIN = f"https://{HOST}"


@dataclass
class Browser:
    """One tab of the console."""

    v1: V1
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "192.0.2.7"

    def headers(self) -> dict[str, str]:
        """What our own page sends by itself."""
        sent = {"Host": HOST, "Origin": ORIGIN, "X-Sluice-Console": "1", "Content-Type": "application/json"}
        sent |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": self.address}
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return sent | ({"Cookie": cookies} if cookies else {})

    def __call__(self, method: str, path: str, body: Any = None, **changed: str | None) -> Reply:
        """A request; a changed header that is None is left out."""
        sent: dict[str, str | None] = {**self.headers(), **{k.replace("_", "-"): v for k, v in changed.items()}}
        headers = {name: value for name, value in sent.items() if value is not None}
        content = b"" if body is None else json.dumps(body).encode()
        raw = self.v1.client.http.request(method, path, headers=headers, body=content)
        answer = Reply(raw.status_code, {k.lower(): v for k, v in raw.headers.items()}, raw.body.decode())
        for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = morsel.value
        return answer

    def log_in(self, password: str) -> Reply:
        """Log in by password."""
        return self("POST", "/v1/login", {"password": password})
