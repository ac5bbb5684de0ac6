"""`make run`: everything on one machine, in the order in which one needs the other."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.errors import InfraError
from infra.local.aside import aside
from infra.local.banner import addresses, banner
from infra.local.formerly import refuse_former_data
from infra.local.identity import Identity
from infra.local.lock import hold
from infra.local.ports import require_free
from infra.local.private import write_private
from infra.local.probe import answers, ask, read_json
from infra.local.replication import Replication
from infra.local.settings import Settings
from infra.local.sockets import Sockets, sockets_of
from infra.local.supervisor import Child, Supervisor
from infra.paths import ROOT

_TEND_S: Final = 0.2


def say(text: str) -> None:
    """Tell the user, as long as there is one: a closed terminal or pipe is no reason not to stop in order."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        # What could not be written would be tried again at the end (Python documentation, 'Note on SIGPIPE').
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def stop_signals() -> list[signal.Signals]:
    """What tells us to stop. Whoever starts us with `nohup` wants us to outlive the terminal."""
    kept = [signal.SIGINT, signal.SIGTERM]
    return kept if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*kept, signal.SIGHUP]


@dataclass
class Launcher:
    """One run of one instance. `run` returns when it was told to stop, with nothing left running."""

    settings: Settings
    _stop: bool = field(default=False, init=False)

    def run(self) -> None:
        """Start everything, say so, and look after it until a signal comes.

        Raises:
            InfraError: something is missing or in the way; whatever had been started is stopped.
        """
        self._make_folders()
        for number in stop_signals():
            signal.signal(number, self._asked_to_stop)
        with hold(self.settings.run_dir):
            ready = self.settings.run_dir / "ready.json"
            ready.unlink(missing_ok=True)
            supervisor = Supervisor(say, lambda: self._stop)
            try:
                self._start(supervisor)
                replication = Replication(self.settings, sockets_of(self.settings.home), supervisor, say)
                while not self._stop:
                    supervisor.tend()
                    replication.tend()
                    time.sleep(_TEND_S)
            except KeyboardInterrupt:
                pass
            finally:
                ready.unlink(missing_ok=True)
                if supervisor.busy:
                    say("stopping …")
                    supervisor.stop()
                    say(f"stopped; the data is kept in {self.settings.home}")

    def _make_folders(self) -> None:
        os.umask(0o077)
        for folder in (self.settings.home, self.settings.run_dir, self.settings.log_dir):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                probe = folder / f".probe-{os.getpid()}"
                probe.touch()
                probe.unlink()
            except OSError as error:
                raise InfraError(
                    f"{folder} can't be written: {error.strerror}.",
                    hint="Give it to the user who runs this, make room on its disk, or choose another: SLUICE_HOME.",
                ) from error
        refuse_former_data(self.settings.home)

    def _asked_to_stop(self, *_: object) -> None:
        self._stop = True

    def _step(self, what: str, action: Callable[[], str]) -> None:
        """Do one thing, and say what came of it and how long it took."""
        if self._stop:
            raise KeyboardInterrupt
        began = time.monotonic()
        said = action()
        say(f"  ✓ {what:13} {said}  ({time.monotonic() - began:.1f} s)")

    def _start(self, supervisor: Supervisor) -> None:
        settings = self.settings
        sockets = sockets_of(settings.home)
        say("Sluice starts.")
        plan = aside(lambda: _planned(settings, sockets))
        identity = Identity(**plan["identity"])
        children = _children(settings, identity, sockets, plan["programs"])
        with_srs = plan["kind"] == "srs"
        self._require_ports(with_srs=with_srs)
        # These know nothing of each other, and two cores start them in the time of one.
        for name in ("host", "media server", "front"):
            supervisor.spawn(children[name])
        for name, said in (("host", "answers"), ("media server", plan["said"]), ("front", "waits for the agent")):
            self._step(name, partial(_await, supervisor, name, said))
        host = _Host(settings, sockets)
        host.invite_agent(settings.home / "agent" / "state.json")
        supervisor.spawn(children["agent"])
        self._step("agent", partial(_await, supervisor, "agent", identity.url))
        # Both may have been changed since the first start.
        secret = host.read("/v1/settings/publish", "secret") or identity.publish_secret
        api_secret = host.read("/v1/api-secret", "secret") or identity.api_secret
        at = addresses(settings, replace(identity, api_secret=api_secret), sockets, secret, with_srs=with_srs)
        write_private(settings.run_dir / "ready.json", json.dumps(at | {"pid": os.getpid()}, indent=1))
        say(banner(at, sign_in=_url_of(identity, host.make("/v1/sign-in-links", "path"))))

    def _require_ports(self, *, with_srs: bool) -> None:
        settings = self.settings
        for port in (settings.http, settings.https, settings.rtmp):
            require_free(port, settings.bind)
        if with_srs:
            # SRS reads no address for them.
            for port in (settings.srt, settings.rtc):
                require_free(port, "")


def _planned(settings: Settings, sockets: Sockets) -> dict[str, Any]:
    """The identity and the plan as JSON holds them. Made aside: both need much that the launcher doesn't."""
    from infra.local.identity import load_identity
    from infra.local.plan import make_plan

    identity = load_identity(settings)
    plan = make_plan(settings, identity, sockets)
    made = (plan.host, plan.media, plan.agent, plan.front)
    programs = {program.name: asdict(program) | {"cwd": str(program.cwd or ROOT)} for program in made}
    return {"identity": asdict(identity), "programs": programs, "kind": plan.kind, "said": plan.said}


def _children(
    settings: Settings, identity: Identity, sockets: Sockets, programs: dict[str, dict[str, Any]]
) -> dict[str, Child]:
    versions = f"http://127.0.0.1:{identity.ports['media_api']}/api/v1/versions"
    login = identity.media_login
    ready: dict[str, Callable[[], bool]] = {
        "host": lambda: answers(sockets.host, "/healthz"),
        "media server": lambda: answers(versions, headers=login),
        "front": lambda: answers(sockets.front, "/config/"),
        # The front serves what the agent has told it to.
        "agent": lambda: _agent_is_ready(sockets) and answers(f"{identity.url}/v1/health"),
    }
    # Not the media server: its silence is the agent's to judge, and publishers hang on it.
    alive: dict[str, Callable[[], bool]] = {
        "host": ready["host"],
        "front": ready["front"],
        "agent": lambda: answers(sockets.status, "/status"),
    }
    return {
        name: _child(settings, program, ready=ready[name], alive=alive.get(name)) for name, program in programs.items()
    }


def _child(
    settings: Settings, program: dict[str, Any], *, ready: Callable[[], bool], alive: Callable[[], bool] | None
) -> Child:
    log, cwd = settings.log_dir / program.pop("log"), Path(program.pop("cwd"))
    return Child(log=log, cwd=cwd, ready=ready, alive=alive, small=alive is not None, **program)


def _agent_is_ready(sockets: Sockets) -> bool:
    """Enrolled, in touch with the cloud, and with a media server."""
    status = read_json(sockets.status, "/status")
    cloud, media = status.get("cloud", {}), status.get("media_server", {})
    return bool(status.get("node") and cloud.get("last_sync_age_s") is not None and media.get("up"))


def _await(supervisor: Supervisor, name: str, said: str) -> str:
    supervisor.await_ready(name)
    return said


@dataclass
class _Host:
    """The API, as a program of its own machine calls it."""

    settings: Settings
    sockets: Sockets

    @property
    def _headers(self) -> dict[str, str]:
        token = (self.settings.run_dir / "machine-token").read_text().strip()
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def read(self, path: str, name: str) -> str:
        """A field of what is there now; '' when it could not be had."""
        return str(read_json(self.sockets.host, path, self._headers).get(name) or "")

    def make(self, path: str, name: str) -> str:
        """A field of something new; '' when it could not be had."""
        status, body = ask(self.sockets.host, path, method="POST", body=b"{}", headers=self._headers, timeout_s=10.0)
        with suppress(ValueError):
            if status == 201:
                return str(json.loads(body).get(name) or "")
        return ""

    def invite_agent(self, node_state: Path) -> None:
        """A join token for an agent that has none of its own yet: the one before was of another node, or is over."""
        if not node_state.exists() and (token := self.make("/v1/join-tokens", "token")):
            write_private(self.settings.run_dir / "join-token", token)


def _url_of(identity: Identity, path: str) -> str:
    return f"{identity.url}{path}" if path else ""
