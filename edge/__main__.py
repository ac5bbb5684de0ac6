"""`python -m edge [--validate-config]`: runs the agent until SIGTERM or SIGINT; SIGHUP reads the settings again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import uvloop

from edge.base.errors import ConfigError, SpoolError
from edge.base.log import Log, setup

from . import lean, leanweb  # noqa: F401 - first, see there
from .agent import Agent
from .config import Settings, load, needs_restart

log = Log("main")
EXIT_CONFIG = 2
EXIT_FAILED = 1


def problems(settings: Settings) -> list[str]:
    """What the settings promise and this machine does not hold. Touches nothing but the agent's own folder."""
    found = []
    if not settings.hls_dir.is_dir():
        found.append(f"SLUICE_HLS_DIR {settings.hls_dir} is not a folder: create it, or start the media server first")
    for name, program in (("FFMPEG_BIN", settings.ffmpeg), ("FFPROBE_BIN", settings.ffprobe)):
        if shutil.which(program) is None:
            found.append(f"{name} {program} is not an executable: restreaming and adoption need it")
    try:
        settings.agent_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if settings.segment_mode == "link" and settings.hls_dir.is_dir():
            _try_link(settings.hls_dir, settings.agent_dir)
    except OSError as error:
        found.append(
            f"no hard link from SLUICE_HLS_DIR into SLUICE_AGENT_DIR ({error.strerror}): put both on one file system, "
            "or set SLUICE_SEGMENT_MODE=copy"
        )
    return found


def _try_link(source: Path, target: Path) -> None:
    probe, link = source / f".sluice-probe-{os.getpid()}", target / f".sluice-probe-{os.getpid()}"
    try:
        probe.touch()
        link.hardlink_to(probe)
    finally:
        probe.unlink(missing_ok=True)
        link.unlink(missing_ok=True)


async def serve(settings: Settings) -> None:
    """Run the agent until a signal says stop.

    Raises:
        ConfigError, OSError, SpoolError: it could not start.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    agent = Agent(settings)
    await agent.start()
    stopped = asyncio.create_task(stop.wait())
    while not stopped.done():
        reloaded = asyncio.create_task(reload.wait())
        await asyncio.wait({stopped, reloaded}, return_when=asyncio.FIRST_COMPLETED)
        reloaded.cancel()
        if reload.is_set():
            reload.clear()
            _reload(agent)
    await agent.stop()


def _reload(agent: Agent) -> None:
    try:
        settings = load()
    except ConfigError as error:
        log.alert("config.reload_refused", problems=str(error).splitlines())
        return
    fixed = needs_restart(agent.settings, settings)
    setup(settings.log_level)
    agent.reload(settings)
    log.info("config.reloaded", needs_restart=fixed)


def _only_checks(words: list[str]) -> bool:
    import argparse  # half a megabyte, which an agent that runs does without

    parser = argparse.ArgumentParser(prog="sluice-agent", description="The edge agent of Sluice.")
    parser.add_argument("--validate-config", action="store_true", help="check the settings and this machine, then exit")
    return bool(parser.parse_args(words).validate_config)


def main(argv: list[str] | None = None) -> int:
    """Entry point. Returns 0, 1 when the agent could not start, 2 when the settings are wrong."""
    words = sys.argv[1:] if argv is None else argv
    only_checks = bool(words) and _only_checks(words)
    try:
        settings = load()
    except ConfigError as error:
        sys.stderr.write(f"The settings cannot be used:\n{error}\n")
        return EXIT_CONFIG
    setup(settings.log_level)
    found = problems(settings)
    if only_checks:
        sys.stdout.write("".join(f"{p}\n" for p in found) or "The settings are good.\n")
        return EXIT_CONFIG if found else 0
    for problem in found:
        log.warning("config.problem", problem=problem)
    try:
        uvloop.run(serve(settings))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    except (OSError, SpoolError) as error:
        sys.stderr.write(f"The agent cannot start: {error}\n")
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
