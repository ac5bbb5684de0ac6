"""What must be true when all is quiet again, judged by witnesses that share no code with the product: what the media
server wrote, which of its hooks were answered 0, and what the user's callback target agreed to.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.recording import parse_manifest_key

from .cloud import SimCloud
from .edge import Edge


def violations(cloud: SimCloud, edge: Edge) -> list[str]:
    """What was broken, one sentence each."""
    return [*segments(cloud, edge), *sessions(cloud, edge), *recordings(cloud), *callbacks(cloud, edge), *links(edge)]


def manifests(cloud: SimCloud) -> list[dict[str, Any]]:
    """The edge's, of each session."""
    return [json.loads(v) for k, v in sorted(cloud.objects.objects.items()) if parse_manifest_key(k)]


def segments(cloud: SimCloud, edge: Edge) -> list[str]:
    """Each that was written is in the store, once, as it was; and in one manifest."""
    stored = Counter(s for k, hashes in cloud.put.items() if k.endswith(".ts") for s in set(hashes))
    listed = Counter(s["sha256"] for m in manifests(cloud) for s in m["segments"])
    found = []
    for seen in edge.media.written:
        how = "answered 0" if seen.acked else "written"
        if stored[seen.sha256] != 1:
            found.append(f"segment {seen.file} was {how} and is stored {stored[seen.sha256]} times")
        if listed[seen.sha256] != 1:
            found.append(f"segment {seen.file} was {how} and is in {listed[seen.sha256]} manifests")
    strange = stored.keys() - {s.sha256 for s in edge.media.written}
    torn = [k for k, hashes in cloud.put.items() if k.endswith(".ts") and len(set(hashes)) > 1]
    return (
        found
        + [f"{len(strange)} objects that nobody wrote"] * bool(strange)
        + [f"{k} has had two contents" for k in torn]
    )


def sessions(cloud: SimCloud, edge: Edge) -> list[str]:
    """Each publish that was let in is one session; each is over, once, and begins before it ends."""
    found = []
    known = [e for e in cloud.store.rows.values() if isinstance(e, Session)]
    by_client = Counter(s.client_id for s in known if s.live_at is not None)
    wrote = {w.client for w in edge.media.written}
    wrong = {p.client: n for p in edge.media.published if p.client in wrote and (n := by_client[p.client]) != 1}
    found += [f"publish of {client} is {n} sessions" for client, n in wrong.items()]
    found += [f"session {s.id} is {s.state}" for s in known if s.state not in {"ended", "refused"}]
    told: dict[str, list[str]] = {}
    for event in sorted((e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)), key=lambda e: e.id):
        if event.session and event.kind.startswith("session."):
            told.setdefault(event.session, []).append(event.kind.removeprefix("session."))
    for session, kinds in told.items():
        begins, ends = kinds.count("admitted"), kinds.count("ended") + kinds.count("refused")
        if begins != 1 or ends < 1 or kinds[0] != "admitted":
            found.append(f"session {session} is told as {kinds}")
    return found


def recordings(cloud: SimCloud) -> list[str]:
    known = [e for e in cloud.store.rows.values() if isinstance(e, Recording)]
    found = [f"recording {r.id} is {r.state}: {r.error}" for r in known if r.state != "ready"]
    told = {m["recording"] for m in manifests(cloud)}
    found += [f"recording {r} has a manifest and is not known" for r in told - {r.id for r in known}]
    for recording in known:
        mine = [m for m in manifests(cloud) if m["recording"] == recording.id]
        if sum(len(m["segments"]) for m in mine) != recording.segments:
            found.append(f"recording {recording.id} says {recording.segments} segments")
    return found


def callbacks(cloud: SimCloud, edge: Edge) -> list[str]:
    """The user's target heard of each once, as its ids tell, and of each begin before its end."""
    got = cloud.sender.got  # type: ignore[attr-defined]
    first: dict[tuple[str, str], int] = {}
    ids: dict[tuple[str, str], set[str]] = {}
    for at, (delivery, body) in enumerate(got):
        if body["action"].startswith("on_record"):
            what = (body["action"], str(body["uuid"]))
            first.setdefault(what, at)
            ids.setdefault(what, set()).add(delivery)
    found = [f"{what} was told under {len(i)} ids" for what, i in ids.items() if len(i) != 1]
    for recording in {e.id for e in cloud.store.rows.values() if isinstance(e, Recording)}:
        begin, end = first.get(("on_record_begin", recording)), first.get(("on_record_end", recording))
        if begin is None or end is None or begin > end:
            found.append(f"recording {recording}: begin {begin}, end {end}")
    ends = len({d for d, b in got if b["action"] == "on_unpublish"})
    live = sum(isinstance(e, Session) and e.live_at is not None for e in cloud.store.rows.values())
    return found + [f"{ends} on_unpublish for {live} sessions"] * (ends != live)


def links(edge: Edge) -> list[str]:
    return [f"the link {path.parent.name}/{path.name} is left over" for path in edge.linked()]
