"""FFmpeg for the functions: the wheel that a standalone installation uses too, as a layer.

A layer's `python` folder is on Python's path (AWS documentation, 'Layer paths'), so the functions find FFmpeg as the
product does everywhere: by `imageio_ffmpeg`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from infra.aws.compiled import repack
from infra.aws.vendor import Target, platforms
from infra.errors import InfraError
from infra.paths import BUILD, ROOT

_WHEEL: Final = "imageio-ffmpeg"


def pinned(name: str) -> str:
    """A requirement with its version and hashes, as it was locked."""
    locked = (ROOT / "requirements-run.txt").read_text()
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*$", locked, re.MULTILINE)
    if found is None:
        raise InfraError(f"{name} is not locked in requirements-run.txt.", hint="Run `make lock`.")
    return found[0] + "\n"


def ensure_layer(target: Target) -> Path:
    """The layer's archive, made unless it is there.

    Raises:
        InfraError: it can't be fetched.
    """
    wanted = pinned(_WHEEL)
    digest = hashlib.sha256(f"{wanted}{Path(__file__).read_text()}".encode()).hexdigest()[:12]
    final = BUILD / "layer" / f"{target.architecture}-{digest}.zip"
    if final.is_file():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as folder:
        _fetch(wanted, target, Path(folder) / "layer" / "python", Path(folder))
        made = Path(folder) / "layer.zip"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for path in (Path(folder) / "layer").rglob("*"):
                archive.write(path, path.relative_to(Path(folder) / "layer"))
        repack(made)
        made.rename(final)
    return final


def _fetch(wanted: str, target: Target, into: Path, scratch: Path) -> None:
    requirement = scratch / "requirement.txt"
    requirement.write_text(wanted)
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    argv += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--target", str(into), *platforms(target)]
    done = subprocess.run([*argv, "--requirement", str(requirement)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InfraError(
            f"FFmpeg could not be fetched for {target.architecture}:\n{done.stderr.strip()[-2000:]}",
            hint="It needs the network once; nothing needs it afterwards.",
        )
    for cache in into.rglob("__pycache__"):
        shutil.rmtree(cache)
