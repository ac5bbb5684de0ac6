"""Tasks on Fargate: what is too large for a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain.errors import UnavailableError
from chalicelib.wire.tasks import started_by

from .api import AwsApi, AwsApiError, AwsUnreachableError, Service, code_of

ECS: Final = Service("ecs", "AmazonEC2ContainerServiceV20141113", "1.1")
CONTAINER: Final = "finish"


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """Where tasks run: the names of cluster and definition, a subnet at least, a security group."""

    cluster: str
    definition: str
    subnets: tuple[str, ...]
    security_group: str
    above: int
    """What is larger, in bytes of segments, is finished there."""


class Ecs(AwsApi):
    """What the product calls of ECS."""

    def run_task(self, **arguments: Any) -> dict[str, Any]:
        """See boto3."""
        return self.call("RunTask", arguments)


class EcsTasks:
    """`Tasks` on Fargate."""

    def __init__(self, client: Ecs, place: TaskPlace) -> None:
        self._ecs = client
        self._at = place

    @property
    def above(self) -> int:
        """See `Tasks`."""
        return self._at.above

    def start(self, recording: str, hold: str, disk_gib: int, *, interruptible: bool) -> None:
        """See `Tasks`. The task also says in its own events which recording it is for, and by which hold."""
        try:
            said = self._ecs.run_task(**self._request(recording, hold, disk_gib, interruptible=interruptible))
        except (AwsApiError, AwsUnreachableError) as error:
            raise _not_started(code_of(error) or "no answer") from error
        if failures := said.get("failures"):
            raise _not_started(failures[0].get("reason") or failures[0].get("detail") or "no reason was given")

    def _request(self, recording: str, hold: str, disk_gib: int, *, interruptible: bool) -> dict[str, Any]:
        environment = [
            {"name": "SLUICE_RECORDING", "value": recording},
            {"name": "SLUICE_HOLD", "value": hold},
        ]
        network = {"subnets": list(self._at.subnets), "assignPublicIp": "ENABLED"}
        if self._at.security_group:
            network["securityGroups"] = [self._at.security_group]
        return {
            "cluster": self._at.cluster,
            "taskDefinition": self._at.definition,
            "count": 1,
            "clientToken": hold,
            "startedBy": started_by(recording, hold),
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT" if interruptible else "FARGATE"}],
            "networkConfiguration": {"awsvpcConfiguration": network},
            "overrides": {
                "containerOverrides": [{"name": CONTAINER, "environment": environment}],
                "ephemeralStorage": {"sizeInGiB": disk_gib},
            },
        }


def _not_started(said: str) -> UnavailableError:
    return UnavailableError(f"no task could be started: {said}", code="task_not_started", said=said)
