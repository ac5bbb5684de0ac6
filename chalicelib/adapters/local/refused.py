"""Why a database is not opened, in words."""

from __future__ import annotations

from pathlib import Path


class RefusedError(Exception):
    """The database can't be used as it is. The message says what is wrong and what to do."""


def restore_it(path: Path, what: str) -> str:
    """What to do about a database that `what`."""
    return (
        f"The database {path} {what}. Nothing was changed. Restore it: `sluice restore <backup>` or, with replication, "
        f"`sluice restore --from s3://…`. To begin anew instead, move the folder {path.parent} away."
    )
