"""`make audit`: what checkov says of the templates, but for what `checkov.yaml` has a reason for.

checkov pins other versions of our own libraries, so it lives in an environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

from infra.aws.package import data_template, package
from infra.aws.vendor import Target
from infra.paths import BUILD

_VERSION: Final = "checkov==3.3.30"
_CONFIGURATION: Final = Path(__file__).with_name("checkov.yaml")


def main() -> int:
    """Check; returns checkov's status."""
    home = BUILD / "checkov"
    python = home / "bin" / "python"
    if not (home / "bin" / "checkov").exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", _VERSION], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sam = package("audit", Target.aws(), folder / "package")
        templates = folder / "templates"
        templates.mkdir()
        (templates / "functions.json").write_text(sam.read_text())
        (templates / "data.json").write_text(json.dumps(data_template()))
        argv = [str(home / "bin" / "checkov"), "--config-file", str(_CONFIGURATION), "--directory", str(templates)]
        return subprocess.run(argv, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
