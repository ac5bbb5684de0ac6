"""The emulator as a process, and the deployment onto it, by the same commands as on AWS."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.aws.deploy import deploy
from infra.aws.deployment import Deployment
from infra.aws.vendor import Target
from infra.local.probe import answers
from infra.local.supervisor import Child, Supervisor
from tests.conftest import free_port

from . import names
from .viewer import viewer

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
STAGE: Final = "test"
BUCKET: Final = f"sluice-{STAGE}-{ACCOUNT}-{REGION}"


@dataclass
class Cloud:
    """An emulator in `home`, on loopback alone: whoever reaches it can do everything there."""

    home: Path
    port: int
    ffmpeg: str = "/bin/false"
    ffprobe: str = "/bin/false"
    first: dict[str, str] = field(
        default_factory=lambda: {
            "api_secret": f"srs-v2-{secrets.token_hex(16)}",
            "publish_secret": secrets.token_hex(16),
            "admin_password": secrets.token_urlsafe(12),
            "join_token": secrets.token_urlsafe(32),
        }
    )
    cdn: str = "on"
    url: str = ""
    """Where users come, once it is deployed."""
    gateway: str = ""
    """The API without the one origin before it."""
    front: int = field(default_factory=free_port)
    """The port by which viewers reach the one origin; see `viewer`."""
    viewed: list[str] = field(default_factory=list)
    edge_url: str = ""
    """Where edges call."""
    _key: str = field(default_factory=lambda: secrets.token_hex(20))

    @property
    def endpoint(self) -> str:
        """Where AWS's own APIs are."""
        return f"http://127.0.0.1:{self.port}"

    def child(self) -> Child:
        """The emulator as a process."""
        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        return Child(
            name="emulator",
            argv=[sys.executable, str(Path(__file__).with_name("as_aws.py"))],
            env={
                # All of it: what is here reaches the functions.
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOME": str(self.home),
                "PYTHONDONTWRITEBYTECODE": "1",
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "S3_DATA_DIR": str(self.home / "objects"),
                "LAMBDA_EXECUTOR": "local",
                "LAMBDA_ACCOUNT_CONCURRENCY": "16",
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                "AUTH": "true",
                "TMPDIR": str(scratch),
                "AWS_ACCESS_KEY_ID": ACCOUNT,
                "AWS_SECRET_ACCESS_KEY": self._key,
                # Without a socket to ask, it looks for no Docker.
                "DOCKER_HOST": "unix:///nonexistent",
            },
            log=self.home / "emulator.log",
            cwd=self.home,
            ready=lambda: answers(f"{self.endpoint}/_ministack/health"),
            stop_timeout_s=5,
        )

    def deployment(self) -> Deployment:
        """What `infra.aws.deploy` needs to deploy here."""
        folder = self.home / "build"
        folder.mkdir(exist_ok=True)
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": self._key,
            "AWS_DEFAULT_REGION": REGION,
            # No file of the user's may change what happens here.
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        parameters = {
            **({"PublicUrl": f"http://127.0.0.1:{self.front}"} if self.cdn == "on" else {"Cdn": "off"}),
            "AllowPrivateTargets": "true",
            "AllowLoopbackTargets": "true",
            "FfmpegPath": self.ffmpeg,
            "StoreEndpoint": self.endpoint,
        }
        return Deployment(
            STAGE, folder, Target.host(), environment, parameters, say=lambda _: None, reach=self.reachable
        )

    def reachable(self, outputs: Mapping[str, str]) -> dict[str, str]:
        """The addresses of the stack as the emulator serves them."""
        gateway = f"{self.endpoint}/restapis/{outputs['RestAPIId']}/api/_user_request_"
        function = (urlsplit(outputs["EdgeUrl"]).hostname or "").partition(".")[0]
        edge = f"{self.endpoint}/_aws/lambda-url/{function}"
        # The emulator serves a distribution by the first label of a name below its own address.
        label = outputs.get("DistributionName", "").partition(".")[0]
        site = f"http://{label}.cloudfront.127.0.0.1:{self.port}" if label else gateway
        return {**outputs, "ApiUrl": gateway, "EdgeUrl": edge, "SiteUrl": site}

    def deploy(self) -> None:
        """Deploy with the real commands."""
        deployment = self.deployment()
        made = self.reachable(deploy(deployment, self.first).outputs)
        self.edge_url, self.gateway = made["EdgeUrl"], made["ApiUrl"]
        self.url = f"http://127.0.0.1:{self.front}" if self.cdn == "on" else self.gateway
        self.viewed.append(urlsplit(made["SiteUrl"]).netloc)


@contextmanager
def empty(home: Path) -> Iterator[Cloud]:
    """The emulator runs while the block does: an account in which nothing is."""
    made = Cloud(home, free_port())
    with _running(made):
        yield made


@contextmanager
def emulated(cloud: Cloud) -> Iterator[Cloud]:
    """The emulator runs while the block does, with everything deployed to it."""
    with _running(cloud), viewer(cloud.front, cloud.port, cloud.viewed):
        cloud.deploy()
        yield cloud


@contextmanager
def _running(cloud: Cloud) -> Iterator[None]:
    names.resolve()
    supervisor = Supervisor(lambda _: None, lambda: False)
    try:
        supervisor.start(cloud.child())
        yield
    finally:
        supervisor.stop()
