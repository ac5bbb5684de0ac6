"""Compiled modules, and archives that are the same byte for byte wherever they are made.

A function that starts has nowhere to keep what it compiles: without `.pyc` in the package each cold start compiles
everything anew, which takes twice as long as all the rest. They are not checked against their sources, whose times an
archive does not keep (PEP 552, 'unchecked hash-based pycs').
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from infra.errors import InfraError

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


def compile_tree(folder: Path) -> None:
    """Compile every module below a folder, for the Python that runs this. In a process of its own with a fixed seed: a
    set among the constants would else have another order each time.

    Raises:
        InfraError: one can't be compiled.
    """
    argv = [sys.executable, "-s", "-m", "compileall", "-q", "-f", "-s", str(folder)]
    argv += ["--invalidation-mode", "unchecked-hash", str(folder)]
    done = subprocess.run(argv, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InfraError(f"What lies in {folder} can't be compiled for this Python:\n{done.stdout[-1000:]}")


def repack(archive: Path) -> None:
    """Write a zip anew, in order and without times, so that the same content has the same bytes."""
    fresh = archive.with_suffix(".repacked")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as new:
        for entry in sorted(old.infolist(), key=lambda e: e.filename):
            if entry.is_dir():
                continue
            made = zipfile.ZipInfo(entry.filename, _EPOCH)
            made.compress_type = zipfile.ZIP_DEFLATED
            made.external_attr = (0o100755 if entry.external_attr >> 16 & 0o100 else 0o100644) << 16
            new.writestr(made, old.read(entry))
    fresh.replace(archive)
