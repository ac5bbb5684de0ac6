"""The settings of the functions, from their environment; read once, in `wiring`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class AwsPlaces:
    """Where everything is on AWS."""

    region: str
    table: str
    bucket: str
    callbacks_queue: str
    finish_queue: str
    node_role: str
    node_queue_prefix: str
    secret: str
    bootstrap: str
    store_endpoint: str | None
    cdn: bool = False
    """Whether users come by CloudFront, which gives recordings out by our own tokens."""
    dead_letters: tuple[tuple[str, str, str], ...] = ()
    """Of each queue of dead letters its name, its URL, and the URL of where they came from, '' for the stream's."""
    task_cluster: str = ""
    task_definition: str = ""
    task_subnets: tuple[str, ...] = ()
    """Where recordings are finished that are too large for a function; none: nowhere."""
    task_security_group: str = ""
    task_above: int = 4 << 30
    """So many bytes of segments a function finishes by itself."""

    @classmethod
    def read(cls, e: Mapping[str, str]) -> Self:
        """Read them. Raises KeyError: a variable that the template sets is missing."""
        return cls(
            region=e.get("AWS_REGION") or e.get("AWS_DEFAULT_REGION") or "us-east-1",
            table=e["SLUICE_TABLE"],
            bucket=e["SLUICE_BUCKET"],
            callbacks_queue=e["SLUICE_CALLBACKS_QUEUE"],
            finish_queue=e["SLUICE_FINISH_QUEUE"],
            node_role=e["SLUICE_NODE_ROLE"],
            node_queue_prefix=e["SLUICE_NODE_QUEUE_PREFIX"],
            secret=e["SLUICE_SECRET"],
            bootstrap=e["SLUICE_BOOTSTRAP"],
            store_endpoint=e.get("SLUICE_STORE_ENDPOINT") or None,
            cdn=e.get("SLUICE_CDN") == "on",
            dead_letters=tuple(tuple(each) for each in json.loads(e.get("SLUICE_DEAD_LETTERS") or "[]")),
            task_cluster=e.get("SLUICE_TASK_CLUSTER", ""),
            task_definition=e.get("SLUICE_TASK_DEFINITION", ""),
            task_subnets=tuple(filter(None, e.get("SLUICE_TASK_SUBNETS", "").split(","))),
            task_security_group=e.get("SLUICE_TASK_SECURITY_GROUP", ""),
            task_above=int(e.get("SLUICE_TASK_ABOVE_MB", "4096")) << 20,
        )


@dataclass(frozen=True, slots=True)
class LocalPlaces:
    """Where everything is on one machine: below one folder."""

    home: Path
    replication_socket: Path | None = None
    """Where the program that replicates the database is asked how it fares."""

    @property
    def replication(self) -> Path:
        """Where the database is replicated to; missing while it is not."""
        return self.home / "replicate.json"

    @property
    def replication_log(self) -> Path:
        """What the program that does it says."""
        return self.home / "logs" / "replication.log"

    @property
    def database(self) -> Path:
        """All state."""
        return self.home / "sluice.sqlite3"

    @property
    def key(self) -> Path:
        """The master key."""
        return self.home / "master.key"

    @property
    def first_secrets(self) -> Path:
        """What the installation was given or generated."""
        return self.home / "instance.json"

    @property
    def snapshots(self) -> Path:
        """What nodes decide by while the host is away, where it is long; made anew when it is not there."""
        return self.home / "snapshots"

    @property
    def objects(self) -> Path:
        """The recordings."""
        return self.home / "objects"


@dataclass(frozen=True, slots=True)
class Config:
    """What holds everywhere, and the places of one of the two installations; the other is None."""

    public_url: str
    allow_private_targets: bool
    allow_loopback_targets: bool
    """This machine itself; the ports of our own programs never."""
    own_ports: frozenset[int]
    ffmpeg: str
    """'': that of the wheel imageio-ffmpeg, which is the functions' layer on AWS."""
    record_dir: str
    """What callbacks and the compatible API name as the folder of recordings."""
    keep_local: bool
    """Whether finished MP4s are kept in `record_dir` as well."""
    front_ports: frozenset[int] = frozenset()
    """Where the front of this machine listens."""
    outside_url: str = ""
    """Where users reach the instance, where that was said: it then holds whatever a caller's request looks like, as it
    may come by way of a proxy. No closing slash."""
    aws: AwsPlaces | None = None
    local: LocalPlaces | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read it. `SLUICE_HOME` is set where everything runs on one machine.

        Raises:
            KeyError: a variable that the template sets is missing.
        """
        e = os.environ if env is None else env
        home = e.get("SLUICE_HOME")
        return cls(
            public_url=e.get("SLUICE_PUBLIC_URL", ""),
            allow_private_targets=e.get("SLUICE_ALLOW_PRIVATE_TARGETS", "false") == "true",
            allow_loopback_targets=e.get("SLUICE_ALLOW_LOOPBACK_TARGETS", "false") == "true",
            own_ports=_ports(e, "SLUICE_OWN_PORTS"),
            front_ports=_ports(e, "SLUICE_FRONT_PORTS"),
            outside_url=e.get("SLUICE_OUTSIDE_URL", "").rstrip("/"),
            ffmpeg=e.get("SLUICE_FFMPEG", ""),
            record_dir=e.get("SLUICE_RECORD_DIR") or "/data/record",
            keep_local=bool(e.get("SLUICE_RECORD_DIR")),
            aws=None if home else AwsPlaces.read(e),
            local=LocalPlaces(Path(home), _path(e, "SLUICE_REPLICATION_SOCKET")) if home else None,
        )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _ports(env: Mapping[str, str], name: str) -> frozenset[int]:
    return frozenset(int(port) for port in env.get(name, "").split(",") if port.isdecimal())
