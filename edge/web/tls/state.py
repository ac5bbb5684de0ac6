"""What HTTPS is served with, on disk: a small file that says it, and the pairs, all for our eyes only."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.base.durable import write_private
from edge.base.log import Log
from edge.web.tls.making import made_aside
from edge.web.tls.pair import Pair, split

log = Log("tls")


class TlsState(BaseModel):
    """`pair`: which pair serves names that no authority gave a certificate for. `domains` are those of the authority;
    they are kept, and not used, while `provider` is not `lets`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    provider: Literal["", "ssl", "lets"] = ""
    pair: Literal["self-signed", "uploaded"] = "self-signed"
    domains: list[str] = []

    @property
    def wanted(self) -> list[str]:
        """The domains that certificates are to be had for now."""
        return self.domains if self.provider == "lets" else []


class TlsFolder:
    """The folder of the state and the pairs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def load(self) -> TlsState:
        """The state; the first one where there is none, or none that can be read."""
        try:
            return TlsState.model_validate_json((self._folder / "state.json").read_bytes())
        except FileNotFoundError:
            return TlsState()
        except (OSError, ValidationError):
            log.alert("tls.state_unreadable", file=str(self._folder / "state.json"))
            return TlsState()

    def save(self, state: TlsState) -> None:
        """Keep the state.

        Raises:
            OSError: it cannot be written.
        """
        write_private(self._folder / "state.json", state.model_dump_json().encode())

    def file(self, name: str) -> Path:
        """The file of a pair: key and chain in one, so that a crash cannot leave half of a new pair."""
        return self._folder / f"{name}.pem"

    def keep(self, name: str, pair: Pair) -> None:
        """Keep a pair under a name.

        Raises:
            OSError: it cannot be written.
        """
        write_private(self.file(name), (pair.key + pair.crt).encode())

    def read(self, name: str) -> Pair | None:
        """A pair by its name, or None where there is none."""
        try:
            return _served(self.file(name))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            log.alert("tls.pair_unreadable", file=str(self.file(name)))
            return None

    def self_signed(self, now: datetime) -> Pair:
        """The self-signed pair, made when it is first needed.

        Raises:
            OSError: it cannot be made or written.
        """
        known = self.read("self-signed")
        if known is None:
            known = made_aside(now)
            self.keep("self-signed", known)
        return known


def _served(file: Path) -> Pair:
    """The pair of a file, if a server can use it.

    Raises:
        OSError, ValueError: it can't be read, or holds no key with its certificate.
    """
    pair = split(file.read_text())
    # A password would else be asked for at the terminal.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, password="")
    return pair
