"""What is not ready, why, and what to do: the rules that `GET /v1/readiness`, the console and `sluice doctor` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from chalicelib.domain.model.nodes import Node, NodeSeen
from chalicelib.wire.codecs import is_too_old
from chalicelib.wire.edge.observed import ObservedNode

Level = Literal["good", "warn", "bad"]
DISK_FULL: Final = 200_000_000
"""With less than that free, segments and the database are about to fail."""
DISK_LOW: Final = 2_000_000_000
BACKLOG_S: Final = 60
SKEW_S: Final = 5.0
"""Times of events are the node's: a larger difference is seen in every listing."""
BUSY_PERCENT: Final = 95.0
LITTLE_MEMORY: Final = 0.05
CERTIFICATE_DAYS: Final = 14
OLDEST_FFMPEG: Final = "4.4"
_RANK: Final[dict[Level, int]] = {"good": 0, "warn": 1, "bad": 2}
_SERVERS: Final = {"srs": "SRS", "stand-in": "the stand-in"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `code` with `params` says it to programs, `said` and `hint` in words: what there
    is, and what to do. `of`: what kind of thing it is about, `id` which one, `name` as users know it.
    """

    code: str
    level: Level
    said: str
    hint: str = ""
    of: Literal["installation", "node", "callbacks", "destination", "data", "work"] = "installation"
    id: str = ""
    name: str = ""
    params: Mapping[str, str | int | float] = field(default_factory=dict)


def worst(findings: Iterable[Finding]) -> Level:
    """How bad all of it is."""
    return max((f.level for f in findings), key=lambda level: _RANK[level], default="good")


def size(number: float) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number / 1e3:.0f} kB"


# nodes


def of_node(node: Node, seen: NodeSeen | None, now: datetime) -> list[Finding]:
    """What there is to say of one node; if nothing, that it is well."""
    if seen is None or seen.lost:
        return [_of(node, _absent(seen, now))]
    found = [*_media(seen, now), *_backlog(seen.observed), *_agent(seen.observed), *_machine(seen)]
    found += _ffmpeg(seen.observed)
    found += [f for c in seen.observed.certificates if (f := _certificate(c.domain, c.state, c.not_after, now))]
    if node.draining:
        found.append(
            Finding("node_draining", "warn", "it is drained and takes no new streams", "Resume it when it may again.")
        )
    return [_of(node, f) for f in found or [_well(seen.observed)]]


def _of(node: Node, f: Finding) -> Finding:
    return Finding(f.code, f.level, f.said, f.hint, "node", node.id, node.name or node.id, f.params)


def _absent(seen: NodeSeen | None, now: datetime) -> Finding:
    if seen is None:
        hint = "Is the agent running? Look at its log; it must reach the API."
        return Finding("node_never_seen", "warn", "it enrolled and was never seen", hint)
    age = int((now - seen.last_seen).total_seconds())
    hint = "Is the agent running, and its machine on? Look at its log; it must reach the API. Remove it if it is gone."
    said = f"it was last seen {seen.last_seen:%Y-%m-%d %H:%M:%S} UTC"
    return Finding("node_lost", "bad", said, hint, params={"silent_s": age})


def _well(seen: ObservedNode) -> Finding:
    server = f"{_SERVERS.get(seen.media_server or '', '-')} {seen.media_server_version or '-'}"
    free = "-" if seen.disk_free_bytes is None else size(seen.disk_free_bytes)
    hint = "It does RTMP and HLS only. For SRT, WebRTC and HTTP-FLV install SRS and name it in SRS_BIN."
    params: dict[str, str | int | float] = {"server": server, "free_bytes": seen.disk_free_bytes or 0}
    return Finding(
        "node_ready", "good", f"online, {server}, {free} free", hint if seen.media_server == "stand-in" else "",
        params=params,
    )  # fmt: skip


def _media(seen: NodeSeen, now: datetime) -> Iterator[Finding]:
    since = seen.observed.media_server_silent_since
    if since is not None:
        age = int((now - since).total_seconds())
        hint = "It works on, and no stream is ended for it: the machine is too busy. See what takes its processors."
        said = f"its media server does not answer for {age} s"
        yield Finding("media_server_silent", "bad", said, hint, params={"silent_s": age})
    elif not seen.observed.media_server_up:
        yield Finding(
            "media_server_down", "bad", "its media server is down",
            "Look at the media server's log; it is started again by itself.",
        )  # fmt: skip


def _backlog(seen: ObservedNode) -> Iterator[Finding]:
    if seen.oldest_pending_s <= BACKLOG_S:
        return
    said = f"{seen.pending_segments} segments and {seen.pending_events} events wait, the oldest for "
    params = {
        "segments": seen.pending_segments, "events": seen.pending_events, "oldest_s": int(seen.oldest_pending_s),
    }  # fmt: skip
    hint = "The store or the API is slow or out of reach; nothing is lost meanwhile."
    yield Finding("node_backlog", "warn", f"{said}{seen.oldest_pending_s:.0f} s", hint, params=params)


def _agent(seen: ObservedNode) -> Iterator[Finding]:
    if not seen.spool_healthy:
        hint = "Its disk is full, or read-only. What happens is kept in memory and written as soon as it can be."
        yield Finding("spool_failed", "bad", "it cannot write down what happens", hint)
    if seen.store_error:
        hint = "Segments wait on the node until the store takes them. Check the store: `sluice store test`."
        said = f"it cannot store segments: {seen.store_error}"
        yield Finding("store_failed", "bad", said, hint, params={"error": seen.store_error})
    if seen.quarantined_events or seen.quarantined_segments:
        said = f"{seen.quarantined_segments} segments and {seen.quarantined_events} events were set aside"
        params = {"segments": seen.quarantined_segments, "events": seen.quarantined_events}
        hint = "Nothing of it is lost. See why and try again: `sluice nodes set-aside NODE`, then `--retry`."
        yield Finding("node_set_aside", "warn", said, hint, params=params)
    if seen.stalled:
        parts = ", ".join(seen.stalled)
        hint = "It goes on by itself when it can. When it does not, restart the agent and look at its log."
        yield Finding("agent_stalled", "bad", f"parts of its agent stand still: {parts}", hint, params={"parts": parts})


def _machine(seen: NodeSeen) -> Iterator[Finding]:
    observed = seen.observed
    if observed.disk_free_bytes is not None:
        yield from of_disk(observed.disk_free_bytes)
    if seen.clock_skew_s is not None and abs(seen.clock_skew_s) > SKEW_S:
        said = f"its clock is {abs(seen.clock_skew_s):.0f} s {'ahead' if seen.clock_skew_s > 0 else 'behind'}"
        hint = "Set the time by NTP (timedatectl set-ntp true)."
        yield Finding("clock_skew", "warn", said, hint, params={"skew_s": round(seen.clock_skew_s, 1)})
    machine = observed.machine
    if machine is None:
        return
    if machine.cpu_percent is not None and machine.cpu_percent >= BUSY_PERCENT:
        hint = "Pictures may stutter: move streams to another edge, or give it more processors."
        said = f"its processors are busy at {machine.cpu_percent:.0f} %"
        yield Finding("cpu_busy", "warn", said, hint, params={"percent": round(machine.cpu_percent)})
    total, left = machine.memory_total_bytes, machine.memory_available_bytes
    if total and left is not None and left < total * LITTLE_MEMORY:
        hint = "What takes most may be killed by the system: end what is not needed, or give it more."
        yield Finding("memory_low", "warn", f"{size(left)} of memory left", hint, params={"free_bytes": left})


def of_disk(free: int) -> Iterator[Finding]:
    """A disk that is full, or about to be."""
    params = {"free_bytes": free}
    if free < DISK_FULL:
        hint = "Make room now: remove recordings, or choose a larger disk (SLUICE_HOME)."
        yield Finding("disk_full", "bad", f"its disk is full: {size(free)} free", hint, params=params)
    elif free < DISK_LOW:
        hint = "Make room, or move SLUICE_HOME, before it is full."
        yield Finding("disk_low", "warn", f"its disk is nearly full: {size(free)} free", hint, params=params)


def _ffmpeg(seen: ObservedNode) -> Iterator[Finding]:
    version = (seen.ffmpeg.version if seen.ffmpeg else "") or seen.ffmpeg_version
    if is_too_old(version):
        hint = f"Install {OLDEST_FFMPEG} or newer, or name it in FFMPEG_BIN."
        said = f"its FFmpeg {version} is too old"
        yield Finding("ffmpeg_too_old", "bad", said, hint, params={"version": version, "oldest": OLDEST_FFMPEG})
    elif seen.ffmpeg and seen.ffmpeg.missing:
        missing = ", ".join(seen.ffmpeg.missing)
        said = f"its FFmpeg {version} cannot {missing}"
        hint = "Give the node a fuller build: FFMPEG_BIN."
        yield Finding("ffmpeg_lacks", "warn", said, hint, params={"version": version, "missing": missing})


def _certificate(domain: str, state: str, until: datetime | None, now: datetime) -> Finding | None:
    days = (until - now) // timedelta(days=1) if until else 0
    params: dict[str, str | int | float] = {"domain": domain, "days": days}
    hint = "See that the name leads to this edge, and that port 80 is open from outside."
    if state == "expired" or (until is not None and until <= now):
        return Finding("certificate_expired", "bad", f"the certificate of {domain} has expired", hint, params=params)
    if state == "missing":
        return Finding("certificate_missing", "bad", f"there is no certificate of {domain} yet", hint, params=params)
    if state == "failing" or (until is not None and days < CERTIFICATE_DAYS):
        said = f"the certificate of {domain} is not renewed; it ends in {days} days"
        return Finding("certificate_ending", "warn", said, hint, params=params)
    return None


# the rest


def of_nodes(count: int) -> Iterator[Finding]:
    """Whether there is any."""
    if count == 0:
        hint = "Start the agent with a join token (Edges, Add an edge)."
        yield Finding("no_nodes", "bad", "no edge has enrolled", hint)


def of_callbacks(lost: int, disabled_reason: str, *, more: bool = False) -> Iterator[Finding]:
    """Callbacks that were given up or refused, and callbacks that switched themselves off."""
    if disabled_reason:
        hint = "Mend the target, then switch callbacks on again."
        yield Finding("callbacks_off", "bad", f"callbacks are off: {disabled_reason}", hint, "callbacks")
    if lost:
        said = f"{lost}{' or more' if more else ''} were given up or refused"
        hint = "See `sluice callbacks deliveries`; mend the target, then `sluice callbacks resend ID`."
        yield Finding("dead_letters", "warn", said, hint, "callbacks", params={"count": lost})
    elif not disabled_reason:
        yield Finding("no_dead_letters", "good", "no dead letters", of="callbacks")


def of_work(given_up: int | None) -> Iterator[Finding]:
    """Work of the host that was given up; None: others look after it."""
    hint = "See `sluice dead-letters list` and the log of the host; then `sluice dead-letters redrive ID`."
    if given_up:
        yield Finding("work_given_up", "bad", f"{given_up} given up", hint, "work", params={"count": given_up})
    else:
        yield Finding("work_done", "good", "-" if given_up is None else "none given up", of="work")


def of_removals(given_up: int, *, more: bool) -> Iterator[Finding]:
    """Recordings whose removal was given up. `more`: there are more than were counted."""
    if given_up:
        said = f"{given_up}{' or more' if more else ''} recordings could not be removed, and are not tried any more"
        hint = "See `sluice recordings list --unremoved`; mend what is in the way, then `sluice recordings purge ID`."
        yield Finding("recordings_unremoved", "warn", said, hint, "data", name="recordings", params={"count": given_up})


def of_replication(state: str, error: str) -> Finding:
    """The copy of the database elsewhere."""
    said = state + (f": {error}" if error else "")
    if state in ("ok", "starting"):
        return Finding("replication_ok", "good", said, of="data", name="replication")
    hint = "Look at logs/replication.log; the data here is safe."
    return Finding("replication_failing", "bad", said, hint, "data", name="replication", params={"state": state})


@dataclass(frozen=True, slots=True)
class Pushed:
    """A destination that a node serves: `failing` is '' while it runs or begins, else why not."""

    id: str
    name: str
    running: bool
    failing: str
    code: str
    params: Mapping[str, str] = field(default_factory=dict)


def of_pushes(pushes: list[Pushed]) -> Iterator[Finding]:
    """Destinations that are tried again and again, and whether any runs at all."""
    for p in pushes:
        if p.failing:
            hint = "See Restream: it says when it is tried again, and what to mend."
            params = {**p.params, "code": p.code}
            yield Finding("push_failing", "warn", p.failing, hint, "destination", p.id, p.name, params)
    if pushes and not any(p.running for p in pushes) and any(p.failing for p in pushes):
        hint = "A stream is on air and reaches no platform. See Restream."
        yield Finding("no_push_running", "bad", "none of the destinations runs", hint, "destination")
