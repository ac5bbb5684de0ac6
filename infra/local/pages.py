"""Gives back to the kernel what only the start of a program needed: pages of its file, which are read again when they
are. Most of Caddy's memory is such pages, as the kernel maps sixteen around each that is touched.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROCESS_MADVISE: Final = 440
"""Its number on all architectures (Linux 5.10, process_madvise(2)); glibc has had no wrapper for long."""
_MADV_PAGEOUT: Final = 21
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class _Range(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def file_ranges(maps: str) -> Iterator[tuple[int, int]]:
    """Start and length in bytes of what a process has mapped of files and can't write to.

    Args:
        maps: `/proc/<pid>/maps` (proc_pid_maps(5)).
    """
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/") and "w" not in fields[1]:
            begin, end = (int(address, 16) for address in fields[0].split("-"))
            yield begin, end - begin


def give_back(pid: int) -> bool:
    """Ask the kernel to take back the pages of files that the process has mapped, as if memory were short.

    Returns:
        Whether it did. An older kernel, or a user without CAP_SYS_NICE, keeps them: nothing depends on it.
    """
    try:
        ranges = list(file_ranges(Path(f"/proc/{pid}/maps").read_text()))
        process = os.pidfd_open(pid)
    except OSError:  # it has just ended, or the kernel is older than pidfd_open(2)
        return False
    try:
        said = [_page_out(process, begin, length) for begin, length in ranges]
        return all(said)
    finally:
        os.close(process)


def _page_out(process: int, begin: int, length: int) -> bool:
    what = _Range(begin, length)
    said = _LIBC.syscall(_PROCESS_MADVISE, process, ctypes.byref(what), ctypes.c_size_t(1), _MADV_PAGEOUT, 0)
    return bool(said >= 0)
