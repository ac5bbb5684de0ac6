"""How often a password may be tried. A try is counted before the password is looked at, so that tries at the same time
are no way around it.

An address has five tries a minute. Whoever uses them up waits a minute, and after that has one try at a time, for which
he waits twice as long each time, up to a quarter of an hour. An hour without a try, or the right password, and all is
forgotten. All addresses together have `MOST` a minute, so that many addresses are no way around it either.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from chalicelib.domain.model.account import LoginHold

from .errors import TooManyTriesError

WINDOW: Final = timedelta(minutes=1)
FREE: Final = 5
MOST: Final = 30
EVERYBODY: Final = "*"
FIRST_HOLD: Final = timedelta(minutes=1)
LONGEST_HOLD: Final = timedelta(minutes=15)
FORGET: Final = timedelta(hours=1)


def counted_as(address: str) -> str:
    """Whose tries those from an address are: IPv6 by its /64, which one subscriber has as a whole."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64] or "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


def _check(until: datetime, now: datetime) -> None:
    if until > now:
        raise TooManyTriesError(max(1, ceil((until - now).total_seconds())))


def _current(known: LoginHold | None, address: str, now: datetime) -> LoginHold:
    """What is counted now: a new window when the last is over, everything anew after a long time."""
    if known is None or now - max(known.since, known.until) >= FORGET:
        return LoginHold(version=known.version if known else 0, address=address, since=now, until=now)
    if now - known.since >= WINDOW:
        return known.model_copy(update={"since": now, "tries": 0})
    return known


def next_try(known: LoginHold | None, address: str, now: datetime) -> LoginHold:
    """One more try from an address, to be written down before the password is looked at.

    Raises:
        TooManyTriesError: it has to wait.
    """
    if known is not None:
        _check(known.until, now)
    current = _current(known, address, now)
    tries = current.tries + 1
    if tries < (FREE if current.holds == 0 else 1):
        return current.model_copy(update={"tries": tries})
    hold = min(LONGEST_HOLD, FIRST_HOLD * 2 ** min(current.holds, 10))
    return current.model_copy(update={"tries": tries, "holds": current.holds + 1, "until": now + hold})


def next_of_all(known: LoginHold | None, now: datetime) -> LoginHold:
    """One more try from anywhere.

    Raises:
        TooManyTriesError: there were too many in this minute.
    """
    current = _current(known, EVERYBODY, now)
    if current.tries >= MOST:
        _check(current.since + WINDOW, now)
    return current.model_copy(update={"tries": current.tries + 1})
