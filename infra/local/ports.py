"""Which ports are free, and who holds the others."""

from __future__ import annotations

import socket

from infra.errors import InfraError
from infra.local.settings import Port


def is_free(number: int, *, udp: bool = False, address: str = "") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:
            # As every server does: connections of a former run, still closing, don't count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
            # Linux lets a wildcard and a specific address bind one port with SO_REUSEADDR, but not listen on both.
            if not udp:
                probe.listen(1)
        except OSError:
            return False
    return True


def pick_free(among: range, taken: set[int]) -> int:
    """A free TCP port of the loopback address, of `among` and not in `taken`. Raises InfraError when none is left."""
    import random

    for number in random.sample(among, len(among)):
        if number not in taken and is_free(number, address="127.0.0.1"):
            return number
    raise InfraError(
        f"None of the ports {among.start} to {among.stop - 1} is free.",
        hint="Give others for internal use: SLUICE_INTERNAL_PORTS=25000-25999",
    )


def holder(number: int, *, udp: bool = False) -> str:
    """The process that holds a port, as far as we may know: `nginx (pid 123)` or ''."""
    import psutil  # only needed when something is in the way

    try:
        for found in psutil.net_connections("udp" if udp else "tcp"):
            local = found.laddr
            listening = udp or found.status == psutil.CONN_LISTEN
            if listening and found.pid and local and local.port == number:
                return f"{psutil.Process(found.pid).name()} (pid {found.pid})"
    except psutil.Error:
        pass
    return ""


def require_free(port: Port, address: str) -> None:
    """Raise InfraError, with the port, its variable and who has it, unless it is free."""
    if is_free(port.number, udp=port.udp, address=address):
        return
    kind = "UDP" if port.udp else "TCP"
    who = holder(port.number, udp=port.udp)
    raise InfraError(
        f"{kind} port {port.number} is in use" + (f" by {who}." if who else "."),
        hint=f"Stop that program, or choose another port: {port.variable}={port.number + 1} make run",
    )
