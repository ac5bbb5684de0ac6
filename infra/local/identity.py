"""What an instance keeps for ever: its secrets and its internal ports, in `instance.json`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.errors import InfraError
from infra.local.ports import is_free, pick_free
from infra.local.private import write_private
from infra.local.settings import Settings
from infra.secrets import first_secrets

# On loopback only; picked once so that restarts leave addresses as they are.
INTERNAL_PORTS = ("hooks", "workers", "media_api", "media_http")


@dataclass(frozen=True)
class Identity:
    """The secrets, the internal ports by name, and where the instance was last reached."""

    api_secret: str
    admin_password: str
    publish_secret: str
    join_token: str
    hook_secret: str
    """What the path of the media server's hooks holds."""
    media_password: str
    """With what the media server's API is called."""
    node_name: str
    ports: Mapping[str, int]
    url: str = ""

    @property
    def media_login(self) -> dict[str, str]:
        """The header with which the media server's API is called."""
        login = base64.b64encode(f"sluice:{self.media_password}".encode()).decode()
        return {"Authorization": f"Basic {login}"}


_FIELDS = frozenset(Identity.__dataclass_fields__)


def _new() -> Identity:
    import secrets  # only at the first start

    return Identity(
        **first_secrets(),
        hook_secret=secrets.token_urlsafe(24),
        media_password=secrets.token_urlsafe(24),
        node_name="this-machine",
        ports={},
    )


def _with_ports(identity: Identity, among: range) -> Identity:
    """Keep the ports that are still free, pick others for the rest."""
    ports: dict[str, int] = {}
    for name in INTERNAL_PORTS:
        kept = identity.ports.get(name)
        fits = kept is not None and is_free(kept, address="127.0.0.1") and kept not in ports.values()
        ports[name] = kept if fits and kept is not None else pick_free(among, set(ports.values()))
    return replace(identity, ports=ports)


def _read(path: Path) -> Identity:
    try:
        kept = json.loads(path.read_text())
        return Identity(**asdict(_new()) | {name: value for name, value in kept.items() if name in _FIELDS})
    except FileNotFoundError:
        return _new()
    except (ValueError, TypeError, AttributeError) as error:
        raise InfraError(
            f"{path} is damaged: {error}",
            hint="Restore it from a backup. Without it, a new instance needs a new folder (SLUICE_HOME).",
        ) from error


def load_identity(settings: Settings) -> Identity:
    """The identity of the instance in the user's folder, made at the first start. Call with the lock held."""
    path = settings.home / "instance.json"
    identity = _with_ports(_read(path), settings.internal_ports)
    identity = replace(
        identity,
        api_secret=settings.api_secret or identity.api_secret,
        admin_password=settings.admin_password or identity.admin_password,
        url=settings.url,
    )
    write_private(path, json.dumps(asdict(identity), indent=1) + "\n")
    write_private(settings.run_dir / "join-token", identity.join_token)
    return identity
