"""What the user may choose for `make run`, from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import InfraError
from infra.paths import ROOT

# Below the ports that Linux gives to outgoing connections, which come and go.
_INTERNAL_PORTS = "21000-31999"


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
    environment: Mapping[str, str]

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


def _url(environment: Mapping[str, str], variable: str, default: str) -> str:
    text = environment.get(variable, "").strip().rstrip("/") or default
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise InfraError(f"{variable} is {text!r}.", hint="Give a URL such as https://live.example.com.")
    return text


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the choices. Raises InfraError that names the variable which makes no sense."""
    env = os.environ if environment is None else environment
    # A relative folder means the same wherever the launcher is started from.
    home = Path(env.get("SLUICE_HOME") or "data").expanduser()
    return Settings(
        home=home if home.is_absolute() else ROOT / home,
        http=_port(env, "HTTP_PORT", 2022),
        https=_port(env, "HTTPS_PORT", 2443),
        rtmp=_port(env, "RTMP_PORT", 1935),
        srt=_port(env, "SRT_PORT", 10080, udp=True),
        rtc=_port(env, "RTC_PORT", 8000, udp=True),
        bind=env.get("SLUICE_BIND", "").strip(),
        internal_ports=_range(env, "SLUICE_INTERNAL_PORTS", _INTERNAL_PORTS),
        hls_fragment_s=_seconds(env, "SLUICE_HLS_FRAGMENT", 10),
        admin_password=env.get("MGMT_PASSWORD") or None,
        api_secret=env.get("SRS_PLATFORM_SECRET") or None,
        public_url=_url(env, "SLUICE_PUBLIC_URL", f"http://127.0.0.1:{_port(env, 'HTTP_PORT', 2022).number}"),
        environment=dict(env),
    )
