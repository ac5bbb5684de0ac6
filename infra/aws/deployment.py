"""Where a deployment goes, and by what: an account, a region, a stage; AWS or the emulator of the tests alike.

`AWS_ENDPOINT_URL` alone says which. The steps are AWS's own commands, so that they can be followed and done by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from infra.aws.vendor import Target
from infra.errors import InfraError
from infra.paths import ROOT, tool


def tell(line: str) -> None:
    """A line for whoever deploys."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Deployment:
    """One installation: `stage` names it, `environment` says which cloud and who asks. `bucket` takes the code; '' is
    one of the account's own. `reach`: where the outputs of the stack can be called from here, when not where they say.
    """

    stage: str
    folder: Path
    target: Target
    environment: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    source: Path = ROOT
    say: Callable[[str], None] = tell
    reach: Callable[[Mapping[str, str]], Mapping[str, str]] = dict

    @property
    def stack(self) -> str:
        """The stack of the functions."""
        return f"sluice-{self.stage}"

    @property
    def data_stack(self) -> str:
        """The stack of what outlives them."""
        return f"sluice-{self.stage}-data"

    @cached_property
    def account(self) -> str:
        """The account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def region(self) -> str:
        """Where it is deployed to.

        Raises:
            InfraError: nobody said it.
        """
        found = self.client("sts").meta.region_name
        if not found or found == "aws-global":
            raise InfraError("It is not said in which region.", hint="Set AWS_REGION, or the region of your profile.")
        return str(found)

    @property
    def code_bucket(self) -> str:
        """Takes packages and what is needed to go back to them."""
        return self.bucket or f"sluice-code-{self.account}-{self.region}"

    @cached_property
    def _clients(self) -> dict[str, Any]:
        # One takes longer to make than most of what it asks for.
        return {}

    def client(self, service: str) -> Any:
        """A client of the cloud that this deployment goes to."""
        if service not in self._clients:
            self._clients[service] = self._made(service)
        return self._clients[service]

    def _made(self, service: str) -> Any:
        environment = self.environment
        session = boto3.session.Session(
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            profile_name=environment.get("AWS_PROFILE"),
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        )
        return session.client(service, endpoint_url=environment.get("AWS_ENDPOINT_URL"))  # type: ignore[call-overload]

    def aws(self, argv: list[str], what: str) -> str:
        """Run AWS's command line; gives what it printed.

        Raises:
            InfraError: it failed; the message is its own.
        """
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), **self.environment}
        done = subprocess.run([tool("aws"), *argv], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InfraError(f"Could not {what}:\n{(done.stdout + done.stderr).strip()[-3000:]}")
        return done.stdout

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what is being done, and how long it took."""
        begun = time.monotonic()
        self.say(f"  {what} …")
        yield
        self.say(f"  {what}: {time.monotonic() - begun:.1f} s")
