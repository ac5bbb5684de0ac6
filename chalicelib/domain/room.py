"""How much room finishing a recording needs. Sizes in bytes."""

from __future__ import annotations

from typing import Final

_BESIDE: Final = 64 * 1024**2
_GIB: Final = 1024**3
_SMALLEST_GIB, _LARGEST_GIB = 21, 200
"""Ephemeral storage of a task on Fargate (ECS documentation, 'EphemeralStorage')."""


def disk_bytes(media: int) -> int:
    """The segments joined, the MP4 of the same size, and a tenth for what is repaired on the way."""
    return media * 21 // 10 + _BESIDE


def task_disk_gib(media: int) -> int | None:
    """The disk that a task is given, in GiB; None: there is none that large."""
    wanted = -(-disk_bytes(media) // _GIB)
    return max(wanted, _SMALLEST_GIB) if wanted <= _LARGEST_GIB else None
