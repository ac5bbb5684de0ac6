"""Which ports are free, and who holds the others."""

from __future__ import annotations

import socket
from errno import EACCES, EADDRNOTAVAIL

from infra.errors import InfraError
from infra.local.settings import Port


def is_free(number: int, *, udp: bool = False, address: str = "") -> bool:
    """Whether a server could listen there now."""
    return _refused(number, udp=udp, address=address) is None


def _refused(number: int, *, udp: bool, address: str) -> OSError | None:
    """Why a server could not listen there; None: it could."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:
            # As every server does: connections of a former run, still closing, don't count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
            # Linux lets a wildcard and a specific address bind one port with SO_REUSEADDR, but not listen on both.
            if not udp:
                probe.listen(1)
        except OSError as error:
            return error
    return None


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
    """Nothing, when the port can be had.

    Raises:
        InfraError: it can't. The message has the port, its variable, and why or who has it.
    """
    refused = _refused(port.number, udp=port.udp, address=address)
    if refused is None:
        return
    kind = "UDP" if port.udp else "TCP"
    if refused.errno == EADDRNOTAVAIL:
        hint = "Give one that `ip address` lists, or leave it out for all."
        raise InfraError(f"SLUICE_BIND is {address!r}, which is no address of this machine.", hint=hint)
    if refused.errno == EACCES:
        hint = f"Choose one from 1024, such as {port.variable}={port.number % 1000 + 8000}, or allow it: `man 7 ip`, "
        hint += "ip_unprivileged_port_start."
        raise InfraError(f"{kind} port {port.number} may only be used by the administrator.", hint=hint)
    who = holder(port.number, udp=port.udp)
    raise InfraError(
        f"{kind} port {port.number} is in use" + (f" by {who}." if who else "."),
        hint=f"Stop that program, or choose another port: {port.variable}={port.number + 1} make run",
    )
