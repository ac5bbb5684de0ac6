"""Work that must not be done twice for one message, with Powertools' idempotency on the product's own table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError

from chalicelib.domain.errors import UnavailableError

KEEP_S: Final = 24 * 3600


class DynamoOnce:
    """`Once` on the table. A failed run may be repeated; one in progress holds others off until it
    is done or the function that runs it has timed out.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._layer = DynamoDBPersistenceLayer(
            table_name=table, key_attr="pk", sort_key_attr="sk", expiry_attr="expires_at", boto3_client=client
        )

    def run(self, work: Callable[[dict[str, str]], None], message: dict[str, str], context: Any) -> None:
        """Do the work of `message` unless it was done.

        Raises:
            UnavailableError: another function is at it; come back later.
        """
        config = IdempotencyConfig(expires_after_seconds=KEEP_S)
        if context is not None:
            config.register_lambda_context(context)

        @idempotent_function(  # type: ignore[untyped-decorator]
            data_keyword_argument="message", persistence_store=self._layer, config=config
        )
        def once(*, message: dict[str, str]) -> None:
            work(message)

        try:
            once(message=message)
        except IdempotencyAlreadyInProgressError as error:
            raise UnavailableError("another function is at it") from error
