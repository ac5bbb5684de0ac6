"""The API secret: shown, checked, rotated. While it was never rotated, the installation's own holds."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain.errors import require_within
from chalicelib.domain.ids import token_hash
from chalicelib.domain.model.account import ApiSecret
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.ports.upkeep import Bootstrap

_log = Logger(child=True)
MAX_GRACE_S: Final = 7 * 24 * 3600


class ApiSecrets:
    """Keeps the API secret."""

    def __init__(self, store: Store, clock: Clock, bootstrap: Callable[[], Bootstrap]) -> None:
        self._store = store
        self._clock = clock
        self._bootstrap = bootstrap

    def current(self) -> str:
        """The API secret."""
        known = self._store.get(ApiSecret)
        return known.current if known else self._bootstrap().api_secret

    def good(self, known: ApiSecret | None) -> list[str]:
        """The secrets that hold now: the current one, for a while the one before. `known` is what is stored of them."""
        good = [known.current if known else self._bootstrap().api_secret]
        if known is not None and self._clock() < known.previous_until:
            good.append(known.previous)
        return [secret for secret in good if secret]

    def accepts(self, token: str, known: ApiSecret | None) -> bool:
        """Whether a bearer is the API secret, `known` being what is stored of it. In constant time."""
        found = [hmac.compare_digest(token_hash(token), token_hash(secret)) for secret in self.good(known)]
        return any(found)

    def is_right(self, token: str) -> bool:
        """The same, for who has not read what is stored."""
        return self.accepts(token, self._store.get(ApiSecret))

    def rotate(self, grace_s: int = 0) -> ApiSecret:
        """A new API secret, made up. The one before ends in `grace_s` seconds.

        Raises:
            InvalidInputError: the time is not 0 to 7 days.
            ConflictError: somebody else rotated at the same time.
        """
        require_within("grace_s", grace_s, 0, MAX_GRACE_S, "seconds")
        now, known = self._clock(), self._store.get(ApiSecret)
        new = ApiSecret(
            version=known.version if known else 0,
            current=f"srs-v2-{secrets.token_hex(16)}",
            previous=(known.current if known else self._bootstrap().api_secret) if grace_s else "",
            previous_until=now + timedelta(seconds=grace_s),
            rotated_at=now,
        )
        self._store.commit(Save(new))
        _log.warning("api_secret_rotated", extra={"grace_s": grace_s})
        return new.model_copy(update={"version": new.version + 1})
