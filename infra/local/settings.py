"""What the user may choose for `make run`, from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from edge.options import DEFAULT_FRAGMENT_S
from infra.errors import InfraError
from infra.paths import ROOT

# Below the ports that Linux gives to outgoing connections, which come and go.
_INTERNAL_PORTS = "21000-31999"
# The configurations of media servers know no quotation marks.
_PLAIN = re.compile(r"/[\w./@:+=,~-]*", re.ASCII)


@dataclass(frozen=True)
class Port:
    """A port that users connect to. `variable` changes it; `udp` as against TCP."""

    variable: str
    number: int
    udp: bool = False


@dataclass(frozen=True)
class Settings:
    """The choices of one instance. `bind` is where users reach it; empty means on every address."""

    home: Path
    http: Port
    https: Port
    rtmp: Port
    srt: Port
    rtc: Port
    bind: str
    internal_ports: range
    hls_fragment_s: float
    admin_password: str | None
    api_secret: str | None
    public_url: str
    """Where users reach the instance, as callbacks and links tell it."""
    outside_url: str
    """The same, if it was said; '' where it was not and callers know best."""
    public_host: str
    """Under which name or address users reach this machine, if it was said."""
    environment: Mapping[str, str]

    @property
    def here(self) -> str:
        """Where programs of this machine find what listens on `bind`, as it stands in a URL."""
        if not self.bind or ip_address(self.bind) == ip_address("0.0.0.0"):  # noqa: S104 - compared, not bound
            return "127.0.0.1"
        if ":" not in self.bind:
            return self.bind
        return "[::1]" if ip_address(self.bind) == ip_address("::") else f"[{self.bind}]"

    @property
    def url(self) -> str:
        """The front, for programs of this machine."""
        return f"http://{self.here}:{self.http.number}"

    @property
    def run_dir(self) -> Path:
        """What belongs to a run and not to the data: process id, lock, addresses."""
        return self.home / "run"

    @property
    def log_dir(self) -> Path:
        """One log for each process."""
        return self.home / "logs"


def _port(environment: Mapping[str, str], variable: str, default: int, *, udp: bool = False) -> Port:
    text = environment.get(variable, "").strip() or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InfraError(f"{variable} is {text!r}, which is no port.", hint="Give a number from 1 to 65535.")
    return Port(variable, int(text), udp)


def _range(environment: Mapping[str, str], variable: str, default: str) -> range:
    text = environment.get(variable, "").strip() or default
    found = re.fullmatch(r"(\d{4,5})-(\d{4,5})", text)
    if not found or not 1024 <= int(found[1]) < int(found[2]) <= 65535:
        raise InfraError(f"{variable} is {text!r}.", hint=f"Give two ports, such as {default}.")
    return range(int(found[1]), int(found[2]) + 1)


def _seconds(environment: Mapping[str, str], variable: str, default: float) -> float:
    text = environment.get(variable, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.5 <= value <= 60:
        raise InfraError(f"{variable} is {text!r}.", hint="Give seconds, from 0.5 to 60.")
    return value


def _url(environment: Mapping[str, str], variable: str) -> str:
    text = environment.get(variable, "").strip().rstrip("/")
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/[A-Za-z0-9._~-]+)*", text):
        hint = "Give a URL such as https://live.example.com or https://example.com/sluice."
        raise InfraError(f"{variable} is {text!r}.", hint=hint)
    return text


def _public_host(environment: Mapping[str, str]) -> str:
    text = environment.get("SLUICE_PUBLIC_HOST", "").strip().removeprefix("[").removesuffix("]")
    if text and not re.fullmatch(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}", text):
        hint = "Give a name or an address without a port, such as live.example.com."
        raise InfraError(f"SLUICE_PUBLIC_HOST is {text!r}.", hint=hint)
    return text


def _home(environment: Mapping[str, str]) -> Path:
    chosen = environment.get("SLUICE_HOME") or "data"
    try:
        # A relative folder means the same wherever the launcher is started from.
        home = ROOT / Path(chosen).expanduser()
    except RuntimeError:
        raise InfraError(f"SLUICE_HOME is {chosen!r}, of a user who is not known.", hint="Write it out.") from None
    home = home.resolve() if ".." in home.parts else home
    if not _PLAIN.fullmatch(str(home)):
        raise InfraError(
            f"SLUICE_HOME is {str(home)!r}, a folder that media servers can't be given.",
            hint="Take one of ASCII letters, digits and ./@:+=,~_- alone: SLUICE_HOME=~/sluice-data make run",
        )
    return home


def _bind(environment: Mapping[str, str]) -> str:
    text = environment.get("SLUICE_BIND", "").strip()
    try:
        if text and "%" not in str(ip_address(text)):
            return text
    except ValueError:
        pass
    if text:
        hint = "Give an address of this machine, such as 127.0.0.1, or leave it out for all."
        raise InfraError(f"SLUICE_BIND is {text!r}, which is no IP address.", hint=hint)
    return ""


def _require_distinct(*ports: Port) -> None:
    """Two servers on one port: some share it without a word, and each gets half of the connections."""
    seen: dict[int, str] = {}
    for port in ports:
        other = seen.setdefault(port.number, port.variable)
        if other != port.variable:
            raise InfraError(f"{other} and {port.variable} are both {port.number}.", hint="Give each its own port.")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the choices. Raises InfraError that names the variable which makes no sense."""
    env = os.environ if environment is None else environment
    http, https = _port(env, "HTTP_PORT", 2022), _port(env, "HTTPS_PORT", 2443)
    rtmp = _port(env, "RTMP_PORT", 1935)
    srt, rtc = _port(env, "SRT_PORT", 10080, udp=True), _port(env, "RTC_PORT", 8000, udp=True)
    _require_distinct(http, https, rtmp)
    _require_distinct(https, srt, rtc)  # HTTP/3 is UDP
    settings = Settings(
        home=_home(env),
        http=http,
        https=https,
        rtmp=rtmp,
        srt=srt,
        rtc=rtc,
        bind=_bind(env),
        internal_ports=_range(env, "SLUICE_INTERNAL_PORTS", _INTERNAL_PORTS),
        hls_fragment_s=_seconds(env, "SLUICE_HLS_FRAGMENT", DEFAULT_FRAGMENT_S),
        admin_password=env.get("MGMT_PASSWORD") or None,
        api_secret=env.get("SRS_PLATFORM_SECRET") or None,
        public_url=_url(env, "SLUICE_PUBLIC_URL"),
        outside_url=_url(env, "SLUICE_PUBLIC_URL"),
        public_host=_public_host(env),
        environment=dict(env),
    )
    return settings if settings.public_url else replace(settings, public_url=settings.url)
