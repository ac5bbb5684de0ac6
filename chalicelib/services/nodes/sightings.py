"""What nodes last said: written by their syncs, part by part, and put together for who reads it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lambda_powertools import Logger

from chalicelib.domain import observed as rules
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.nodes import Heartbeat, Node, NodeSeen, NodeTold
from chalicelib.ports.store import Delete, Put, Save, Store
from chalicelib.services.paging import commit_in_parts, everything
from chalicelib.wire.edge.observed import ObservedNode

_log = Logger(child=True)


def keep(store: Store, beat: Heartbeat, observed: ObservedNode) -> None:
    """Write down what a node said: `beat`, and of `observed` what is another than before."""
    parts = rules.parts_of(observed)
    told = {name: rules.digest(body) for name, body in parts.items()}
    # A part that is no more is left empty: whoever reads by an older heartbeat finds nothing in it.
    news = [name for name in told | beat.told if told.get(name) != beat.told.get(name)]
    for name in news:
        store.commit(Put(NodeTold(node=beat.node, part=name, body=parts.get(name, {}))))
    if rules.FACTS in news:
        _warn_of_certificates(beat.node, observed)
    new = beat.model_copy(update={"numbers": rules.numbers_of(observed), "told": told, "observed": None})
    try:
        store.commit(Save(new))
    except ConflictError:
        _log.info("heartbeat_conflict", extra={"node": beat.node})  # events came in meanwhile; the next sync tells


def _warn_of_certificates(node: str, observed: ObservedNode) -> None:
    for each in observed.certificates:
        if each.state in ("failing", "expired"):
            told = {"node": node, "domain": each.domain, "state": each.state, "ends": str(each.not_after)}
            _log.warning("certificate_ending", extra=told)


def seen(store: Store, node: str) -> NodeSeen | None:
    """What a node last said; None: it never did."""
    return seen_of(store, [node])[0]


def seen_of(store: Store, nodes: Sequence[str]) -> list[NodeSeen | None]:
    """The same of several, in their order."""
    beats = store.get_many([(Heartbeat, (node,)) for node in nodes]) if nodes else []
    known = [beat for beat in beats if isinstance(beat, Heartbeat)]
    keys: list[tuple[type[Entity], tuple[str, ...]]]
    keys = [(NodeTold, (beat.node, part)) for beat in known for part in beat.told]
    found = store.get_many(keys) if keys else []
    parts: dict[str, dict[str, rules.Body]] = {}
    for told in found:
        if isinstance(told, NodeTold):
            parts.setdefault(told.node, {})[told.part] = told.body
    return [_whole(beat, parts) if isinstance(beat, Heartbeat) else None for beat in beats]


def _whole(beat: Heartbeat, parts: dict[str, dict[str, rules.Body]]) -> NodeSeen:
    said = beat.observed or rules.whole(beat.numbers, parts.get(beat.node, {}))
    return NodeSeen.model_validate(beat.model_dump(exclude={"observed"}) | {"observed": said})


def heartbeats(store: Store) -> list[Heartbeat]:
    """Those of all nodes that are shown."""
    nodes = everything(store, Node, "NODES")
    found = store.get_many([(Heartbeat, (node.id,)) for node in nodes]) if nodes else []
    return [beat for beat in found if isinstance(beat, Heartbeat)]


def forget(store: Store, node: str) -> None:
    """Remove what a node said.

    Raises:
        ConflictError: it speaks at this moment.
    """
    beat = store.get(Heartbeat, node)
    parts = store.query(NodeTold, node, limit=1000).items
    gone = [*([beat] if beat else []), *parts]
    commit_in_parts(store, [Delete(each) for each in gone])
