"""What the tables of a spool look like: a flipped bit in the text that describes them is found by no check of SQLite's
as long as the text still reads, and makes columns, tables or defaults others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

_OWN: Final = ("sqlite_", "room")
"""Tables that SQLite keeps, and the one that `make_room` was killed in."""
Shape = Mapping[str, Mapping[str, tuple[object, ...]]]
"""By table its columns: type, whether it may be NULL, default, place in the key. By index its text, under ''."""


def shape_of(db: sqlite3.Connection) -> dict[str, dict[str, tuple[object, ...]]]:
    """The shape of a database.

    Raises:
        sqlite3.DatabaseError: its description can't be read.
    """
    found: dict[str, dict[str, tuple[object, ...]]] = {}
    for row in db.execute("SELECT type, name, sql FROM sqlite_schema").fetchall():
        # A flipped bit makes bytes of a text, too.
        kind, name, text = (each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in row)
        if name.startswith(_OWN):
            continue
        if kind == "table":
            rows = db.execute('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (name,))
            found[name.casefold()] = {str(row[0]).casefold(): tuple(row[1:]) for row in rows}
        else:
            found[name.casefold()] = {"": (text,)}
    return found


def difference(found: Shape, wanted: Shape) -> str:
    """What is there and is not as it is to be, in words; '' when nothing is. What an earlier version did not have yet
    may be missing.
    """
    for name, columns in found.items():
        if name not in wanted:
            return f"{name} is no table of a spool"
        for column, told in columns.items():
            if wanted[name].get(column) != told:
                return f"{name}.{column} is not as it was made"
    return ""
