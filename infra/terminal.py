"""What we print, on terminals that do not have all letters."""

from __future__ import annotations

import io
import sys


def print_anyway() -> None:
    """From now on a letter that the terminal can't show comes out as `?`, instead of ending the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
