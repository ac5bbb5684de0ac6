"""Data folders of before: what is in them, and how it gets here."""

from __future__ import annotations

from pathlib import Path

from infra.errors import InfraError


def refuse_former_data(home: Path) -> None:
    """Don't start beside data of the time when an emulator of AWS kept it: it would look as if all were gone.

    Raises:
        InfraError: there is some; the hint says how to take it along.
    """
    if (home / "sluice.sqlite3").exists() or not (home / "state" / "dynamodb.json").exists():
        return
    raise InfraError(
        f"{home} holds data of an earlier version, which kept it in an emulator of AWS.",
        hint="With that version, `sluice backup settings.json`; then start this one on a new folder "
        "(SLUICE_HOME=./data-2 make run) and `sluice restore settings.json`. Recordings lie as files below "
        f"{home / 'objects'} and {home / 'record'}.",
    )
