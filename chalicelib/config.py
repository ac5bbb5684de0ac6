"""The settings of the functions, from their environment; read once, in `wiring`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Config:
    """Where everything is. Optional places are None when they were not given."""

    stage: str
    region: str
    table: str
    bucket: str
    callbacks_queue: str
    finish_queue: str
    node_role: str
    node_queue_prefix: str
    secret: str
    bootstrap: str
    public_url: str
    allow_private_targets: bool
    ffmpeg: str
    ffprobe: str
    store_endpoint: str | None
    record_dir: str
    """What callbacks and the compatible API name as the folder of recordings."""
    keep_local: bool
    """Whether finished MP4s are kept in `record_dir` as well."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read it.

        Raises:
            KeyError: a variable that the template sets is missing.
        """
        e = os.environ if env is None else env
        return cls(
            stage=e["SLUICE_STAGE"],
            region=e.get("AWS_REGION") or e.get("AWS_DEFAULT_REGION") or "us-east-1",
            table=e["SLUICE_TABLE"],
            bucket=e["SLUICE_BUCKET"],
            callbacks_queue=e["SLUICE_CALLBACKS_QUEUE"],
            finish_queue=e["SLUICE_FINISH_QUEUE"],
            node_role=e["SLUICE_NODE_ROLE"],
            node_queue_prefix=e["SLUICE_NODE_QUEUE_PREFIX"],
            secret=e["SLUICE_SECRET"],
            bootstrap=e["SLUICE_BOOTSTRAP"],
            public_url=e.get("SLUICE_PUBLIC_URL", ""),
            allow_private_targets=e.get("SLUICE_ALLOW_PRIVATE_TARGETS", "false") == "true",
            ffmpeg=e.get("SLUICE_FFMPEG") or "/opt/bin/ffmpeg",
            ffprobe=e.get("SLUICE_FFPROBE") or "/opt/bin/ffprobe",
            store_endpoint=e.get("SLUICE_STORE_ENDPOINT") or None,
            record_dir=e.get("SLUICE_RECORD_DIR") or "/data/record",
            keep_local=bool(e.get("SLUICE_RECORD_DIR")),
        )
