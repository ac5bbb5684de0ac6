"""The libraries of the functions, unpacked once for each Python and architecture.

Chalice can fetch them itself, but asks the package index again whenever the application changes. Here they are fetched
once (`make develop`), so that every later packaging works without a network, and what no function loads is left out.
Versions and hashes are those of requirements-run.txt, which are what the tests ran with.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.aws.compiled import compile_tree
from infra.errors import InfraError
from infra.paths import BUILD, ROOT

# Chalice puts the part of itself that a function needs into the package; the rest is its command line.
_LEFT_TO_CHALICE = "chalice"
# botocore describes every service of AWS in 25 MB. These are the ones that our functions call.
_SERVICES = frozenset({"dynamodb", "ecs", "s3", "secretsmanager", "sqs", "sts"})
_WHEEL_MACHINE = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Target:
    """What a package is built for. `architecture` is Lambda's word: x86_64 or arm64."""

    architecture: str
    python: str

    @classmethod
    def host(cls) -> Target:
        """This machine, where an emulator runs the functions as ordinary processes."""
        machine = platform.machine().lower()
        architecture = "arm64" if machine in {"arm64", "aarch64"} else "x86_64"
        return cls(architecture, f"{sys.version_info.major}.{sys.version_info.minor}")

    @classmethod
    def aws(cls) -> Target:
        """Lambda on Graviton, with the Python that packages: Chalice names the host's version as the runtime."""
        return cls("arm64", cls.host().python)


def platforms(target: Target) -> list[str]:
    """pip's options for wheels that Amazon Linux 2023 runs (glibc 2.34)."""
    machine = _WHEEL_MACHINE[target.architecture]
    return [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", "_2_17", "_2_28", "_2_34")]


def requirements() -> list[str]:
    """The requirements of the functions, without what Chalice adds itself."""
    lines = (line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    wanted = [line for line in lines if line and not line.startswith("#")]
    return [line for line in wanted if line.split("==")[0].strip().lower() != _LEFT_TO_CHALICE]


def vendor_dir(target: Target) -> Path:
    """Where the libraries for `target` are or will be; the name changes whenever the content would."""
    here = Path(__file__)
    sources = (ROOT / "requirements.txt", ROOT / "requirements-run.txt", here, here.with_name("compiled.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    return BUILD / "vendor" / f"{target.architecture}-{target.python}-{digest}"


def ensure_vendor(target: Target) -> Path:
    """Fetch the libraries for `target` unless they are there. Raises InfraError when they can't be fetched."""
    final = vendor_dir(target)
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as folder:
        unpacked = Path(folder) / "packages"
        _install(target, unpacked)
        prune(unpacked)
        compile_tree(unpacked)
        # Two builds may have raced; whoever renames first has made the same thing.
        if not final.is_dir():
            unpacked.rename(final)
    return final


def _install(target: Target, folder: Path) -> None:
    wanted = folder.parent / "requirements.txt"
    wanted.write_text("\n".join(requirements()) + "\n")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    argv = [*pip, "--target", str(folder), "--only-binary=:all:", "--implementation=cp"]
    argv += [f"--python-version={target.python}", *platforms(target)]
    argv += ["--constraint", str(ROOT / "requirements-run.txt"), "--requirement", str(wanted)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InfraError(
            f"The libraries of the functions could not be fetched for {target.architecture}, Python {target.python}:\n"
            f"{done.stderr.strip()[-2000:]}",
            hint="Run `make develop` once with a network; nothing needs it afterwards.",
        )


def prune(folder: Path) -> None:
    """Leave out what no function loads: other services' descriptions, type information, scripts, caches."""
    for data in (folder / "botocore" / "data", folder / "boto3" / "data"):
        for entry in data.iterdir() if data.is_dir() else ():
            if entry.is_dir() and entry.name not in _SERVICES:
                shutil.rmtree(entry)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for cache in [*folder.rglob("__pycache__")]:
        shutil.rmtree(cache, ignore_errors=True)
    for stub in [*folder.rglob("*.pyi")]:
        stub.unlink()


if __name__ == "__main__":
    # For `make develop`: what the tests package.
    ensure_vendor(Target.host())
