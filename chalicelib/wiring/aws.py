"""The adapters on AWS. What few functions need is imported when it is asked for: boto3 takes a third of a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.adapters.aws.api import (
    DYNAMODB,
    PARAMETERS,
    SECRETS,
    SQS,
    STS,
    AwsApi,
    DynamoDb,
    Parameters,
    Secrets,
    Service,
    Sqs,
    Sts,
)
from chalicelib.adapters.aws.credentials import StsIssuer
from chalicelib.adapters.aws.dynamo import DynamoStore
from chalicelib.adapters.aws.sqs import SqsNudger, SqsQueue
from chalicelib.adapters.aws.vault import AwsVault
from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.no_changes import NoChanges
from chalicelib.adapters.paths import signed_path
from chalicelib.config import AwsPlaces
from chalicelib.ports.changes import Changes
from chalicelib.ports.objects import PutLinks, StoreProbe
from chalicelib.ports.queues import DeadLetters
from chalicelib.ports.tasks import Tasks
from chalicelib.ports.upkeep import LooksAfter

if TYPE_CHECKING:
    from chalicelib.adapters.aws.once import DynamoOnce
    from chalicelib.adapters.aws.s3 import S3Objects
    from chalicelib.adapters.aws.snapshots import S3Snapshots

A = TypeVar("A", bound=AwsApi)


class AwsAdapters:
    """See `Adapters`."""

    put_links: PutLinks | None = None
    upkeep: LooksAfter | None = None
    store_probe: StoreProbe | None = None

    changes: Changes = NoChanges()

    def __init__(self, places: AwsPlaces) -> None:
        self._at = places

    def _api(self, kind: type[A], service: Service) -> A:
        return kind(service, self._at.region)

    def _boto3(self, service: str, **options: Any) -> Any:
        import boto3
        from botocore.config import Config

        retry = Config(retries={"mode": "standard", "max_attempts": 3}, **options)
        return boto3.client(service, region_name=self._at.region, config=retry)  # type: ignore[call-overload]

    @cached_property
    def vault(self) -> AwsVault:
        """Secrets Manager, and a parameter."""
        secrets, parameters = self._api(Secrets, SECRETS), self._api(Parameters, PARAMETERS)
        return AwsVault(secrets, parameters, self._at.secret, self._at.bootstrap)

    @cached_property
    def store(self) -> DynamoStore:
        """The table."""
        return DynamoStore(self._api(DynamoDb, DYNAMODB), self._at.table, Cipher(self.vault.master))

    @cached_property
    def once(self) -> DynamoOnce:
        """In the table, too."""
        from chalicelib.adapters.aws.once import DynamoOnce

        return DynamoOnce(self._boto3("dynamodb"), self._at.table)

    @cached_property
    def objects(self) -> S3Objects:
        """The bucket."""
        from chalicelib.adapters.aws.s3 import S3Objects

        client = self._boto3("s3", signature_version="s3v4", s3={"addressing_style": "path"})
        return S3Objects(client, self._at.bucket, sign=self._sign if self._at.cdn else None)

    def _sign(self, key: str, life_s: int, filename: str | None) -> str:
        return signed_path(self.vault.master(), key, life_s, filename)

    @cached_property
    def _sqs(self) -> Sqs:
        return self._api(Sqs, SQS)

    @cached_property
    def snapshot_files(self) -> S3Snapshots:
        """In the bucket."""
        from chalicelib.adapters.aws.snapshots import S3Snapshots

        return S3Snapshots(self._at.bucket, self._at.region, self._at.store_endpoint or "")

    @cached_property
    def nudger(self) -> SqsNudger:
        """The nodes' queues."""
        return SqsNudger(self._sqs, self._at.node_queue_prefix)

    @cached_property
    def callbacks_queue(self) -> SqsQueue:
        """Deliveries that are due."""
        return SqsQueue(self._sqs, self._at.callbacks_queue)

    @cached_property
    def finish_queue(self) -> SqsQueue:
        """Recordings to finish."""
        return SqsQueue(self._sqs, self._at.finish_queue)

    def given_up(self, follow: Callable[[Mapping[str, Any]], None]) -> DeadLetters:
        """The queues of dead letters."""
        from chalicelib.adapters.aws.letters import STREAMS, DeadQueue, SqsDeadLetters, Streams

        queues = [DeadQueue(*each) for each in self._at.dead_letters]
        return SqsDeadLetters(self._sqs, self._api(Streams, STREAMS), queues, follow)

    @cached_property
    def tasks(self) -> Tasks | None:
        """Fargate, where the function was told of it."""
        if not self._at.task_subnets:
            return None
        from chalicelib.adapters.aws.ecs import ECS, Ecs, EcsTasks, TaskPlace

        at = self._at
        place = TaskPlace(at.task_cluster, at.task_definition, at.task_subnets, at.task_security_group, at.task_above)
        return EcsTasks(self._api(Ecs, ECS), place)

    @cached_property
    def issuer(self) -> StsIssuer:
        """Keys for the nodes."""
        at = self._at
        return StsIssuer(self._api(Sts, STS), at.node_role, at.bucket, at.region, at.store_endpoint)
