"""The embedded cloud of one instance: the emulator's environment, and the deployment onto it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deploy import Deployment, deploy, outputs
from infra.local.identity import Identity, write_private
from infra.local.probe import answers
from infra.local.settings import Settings
from infra.local.supervisor import Child
from infra.package import TEMPLATE
from infra.paths import ROOT
from infra.vendor import Target

ACCOUNT = "000000000000"
REGION = "us-east-1"
STAGE = "local"
_CODE_BUCKET = "sluice-local-code"
_SOURCES = ("app.py", "requirements.txt", "requirements-dev.txt", ".chalice/config.json")
_BUILDERS = ("policies.py", "package.py", "vendor.py", "deploy.py")


@dataclass(frozen=True)
class Cloud:
    """Where things are, and how to start and fill it."""

    settings: Settings
    identity: Identity
    ffmpeg: str
    ffprobe: str

    @property
    def endpoint(self) -> str:
        """The emulator's address. Whoever reaches it can do everything: never beyond this machine."""
        return f"http://127.0.0.1:{self.identity.ports['gateway']}"

    @property
    def url_file(self) -> Path:
        """Holds the base URL of the API, for the agent."""
        return self.settings.run_dir / "cloud-url"

    @property
    def api_file(self) -> Path:
        """Holds the id of the API, which changes with the routes; the front reads it at each request."""
        return self.settings.run_dir / "api"

    def child(self) -> Child:
        """The emulator as a process."""
        home = self.settings.home
        scratch = home / "scratch"
        scratch.mkdir(exist_ok=True)
        return Child(
            name="embedded cloud",
            argv=[sys.executable, "-m", "infra.local.emulator"],
            env=self._environment(home, scratch),
            log=self.settings.log_dir / "cloud.log",
            ready=lambda: answers(f"{self.endpoint}/_ministack/health"),
            ready_timeout_s=60,
            stop_timeout_s=10,
        )

    def _environment(self, home: Path, scratch: Path) -> dict[str, str]:
        """All of it: what is here reaches the functions, so that nothing of the user's own may be."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.identity.ports["gateway"]),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(home / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(home / "objects"),
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_ACCOUNT_CONCURRENCY": "16",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            "TMPDIR": str(scratch),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": self.identity.cloud_secret,
            # Without a socket to ask, it looks for no Docker.
            "DOCKER_HOST": "unix:///nonexistent",
            "SLUICE_FUNCTION_LOG": str(self.settings.log_dir / "functions.log"),
        }

    def deployment(self) -> Deployment:
        """What `infra.deploy` needs to deploy here."""
        folder = self.settings.home / "build"
        folder.mkdir(exist_ok=True)
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": self.identity.cloud_secret,
            "AWS_DEFAULT_REGION": REGION,
            # No file of the user's may change what happens here.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        parameters = {
            "Bootstrap": self.identity.bootstrap(),
            "AllowPrivateTargets": "true",
            "FfmpegPath": self.ffmpeg,
            "FfprobePath": self.ffprobe,
            "StoreEndpoint": self.endpoint,
            "PublicUrl": self.identity.url,
            "RecordDir": str(self.settings.home / "record"),
        }
        return Deployment(STAGE, _CODE_BUCKET, folder, Target.host(), environment, parameters)

    def ensure_deployed(self) -> bool:
        """Deploy unless this very code is deployed with these parameters; true when it had to be done."""
        deployment = self.deployment()
        wanted = _fingerprint(deployment)
        record = self.settings.home / "deployed.json"
        there = outputs(deployment)
        known = _read(record)
        fresh = there is None or known.get("fingerprint") != wanted
        made = deploy(deployment) if fresh or there is None else there
        write_private(record, json.dumps({"fingerprint": wanted, "outputs": made}, indent=1))
        write_private(self.api_file, made["RestAPIId"])
        write_private(self.url_file, f"{self.endpoint}/restapis/{made['RestAPIId']}/api/_user_request_")
        return fresh


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sources() -> Iterator[Path]:
    yield TEMPLATE
    yield from (ROOT / "infra" / name for name in _BUILDERS)
    yield from (ROOT / name for name in _SOURCES)
    yield from sorted(path for path in (ROOT / "chalicelib").rglob("*") if path.is_file() and path.suffix != ".pyc")


def _fingerprint(deployment: Deployment) -> str:
    """Changes whenever a deployment would."""
    digest = hashlib.sha256(json.dumps([str(deployment.target), dict(deployment.parameters)], sort_keys=True).encode())
    for path in _sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
