"""Who this node is: its nonce, id and token, in `state.json` (mode 0600)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.base.durable import write_private
from edge.base.log import Log

log = Log("identity")


@dataclass(frozen=True, slots=True)
class State:
    """The contents of the state file."""

    nonce: str = field(repr=False)
    node: str = ""
    token: str = field(default="", repr=False)


class Identity:
    """The node's identity, kept on disk before it is used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "state.json"
        self._state = self._load()

    @property
    def node(self) -> str:
        """The node's id; '' before the first enrolment."""
        return self._state.node

    @property
    def token(self) -> str:
        """The node's token; '' before the first enrolment."""
        return self._state.token

    @property
    def nonce(self) -> str:
        """What makes enrolment idempotent."""
        return self._state.nonce

    def enrolled(self, node: str, token: str) -> None:
        """Keep what the cloud gave.

        Raises:
            OSError: it could not be written.
        """
        self._save(replace(self._state, node=node, token=token))

    def renewed(self, token: str) -> None:
        """Keep the token that replaces the one this node has.

        Raises:
            OSError: it could not be written; the old one goes on.
        """
        self._save(replace(self._state, token=token))

    def _load(self) -> State:
        try:
            data = json.loads(self._path.read_text())
            return State(str(data["nonce"]), str(data.get("node", "")), str(data.get("token", "")))
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            log.alert("identity.state_unreadable", hint="the node enrols again, as a new one")
            self._path.replace(self._path.with_name("state.json.corrupt"))
        # The nonce is on disk before the first call, so that a lost answer does not make a second node.
        return self._save(State(secrets.token_hex(16)))

    def _save(self, state: State) -> State:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = {"nonce": state.nonce, "node": state.node, "token": state.token}
        write_private(self._path, json.dumps(data).encode())
        self._state = state
        return state
