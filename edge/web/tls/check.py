"""Before an authority is asked: would it reach this node by that name? Says what is wrong in plain words."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

import httpx

from chalicelib.wire.addresses import kind_of
from chalicelib.wire.urls import bracketed
from edge.base.bounded import CallFailedError, call
from edge.options import Reach

_HTTP_S: Final = 5.0
_MAX_ADDRESSES: Final = 4
Address = IPv4Address | IPv6Address
WELL_KNOWN: Final = "/.well-known/"


class DomainCheck:
    """`folder` is what the front serves under `/.well-known/`."""

    def __init__(self, reach: Reach, folder: Path, http: httpx.AsyncClient) -> None:
        self._reach, self._folder, self._http = reach, folder, http

    async def problem(self, domain: str) -> str:
        """What keeps the authority from reaching this node by `domain`; '' when nothing does."""
        addresses, why = await self._resolve(domain)
        if why:
            return why
        private = [a for a in addresses if kind_of(str(a)) != "public" and not self._reach.allow_private]
        if private:
            return (
                f"{domain} points to {private[0]}, which is no public address, so no authority can reach it; "
                "let its DNS records hold the public address of this machine"
            )
        found = await asyncio.gather(*(self._ask(domain, a) for a in addresses[:_MAX_ADDRESSES]))
        return next(filter(None, found), "")

    async def _resolve(self, domain: str) -> tuple[list[Address], str]:
        """Its addresses, or why there are none."""
        from edge.web.tls.names import addresses_of  # dnspython takes 3 MB, which most nodes never need

        try:
            found = await addresses_of(domain, self._reach.resolver)
        except OSError:
            return [], f"the name servers of {domain} do not answer; check its DNS settings, and try again"
        if found:
            return found, ""
        return [], f"{domain} has no address yet; make a DNS record (A) for it with the public address of this machine"

    async def _ask(self, domain: str, address: Address) -> str:
        """Fetch a file of ours by that name and address, as the authority will."""
        port = self._reach.http_port
        name, text = f"sluice-{secrets.token_hex(8)}", secrets.token_hex(16)
        path = self._folder / name
        await asyncio.to_thread(_write, path, text)
        host = bracketed(str(address))
        try:
            answer = await call(
                self._http, "GET", f"http://{host}:{port}{WELL_KNOWN}{name}",
                timeout_s=_HTTP_S, headers={"Host": domain}, max_answer=4096,
            )  # fmt: skip
        except CallFailedError:
            return (
                f"nothing answers for {domain} at {address} on port {port}; open port {port} to the internet, and "
                "forward it to the HTTP port of this machine"
            )
        finally:
            path.unlink(missing_ok=True)
        if answer.status == 200 and answer.body == text.encode():
            return ""
        return (
            f"{domain} points to {address}, where another server answers on port {port}; let its DNS records hold the "
            "public address of this machine, and forward that port to it"
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def problems(check: DomainCheck, domains: Sequence[str]) -> dict[str, str]:
    """Each domain with what is wrong with it, or ''."""
    found = await asyncio.gather(*(check.problem(d) for d in domains))
    return dict(zip(domains, found, strict=True))
