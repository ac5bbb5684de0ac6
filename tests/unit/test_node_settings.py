"""Settings of nodes in the cloud: kept, applied at once, told again by every sync."""

from __future__ import annotations

import pytest

from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError, UpstreamError
from chalicelib.domain.model.nodes import NodeConfig
from chalicelib.services.nodes.node_settings import NodeConfigs, wire_settings
from chalicelib.wire.questions import QuestionResult
from tests.unit.test_questions import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.join("n1")
    rig.answers("n1", QuestionResult(outcome="answered"))
    return rig


@pytest.fixture
def configs(rig: Rig) -> NodeConfigs:
    return NodeConfigs(rig.store, rig.questions)


def test_a_change_keeps_what_is_not_named_and_reaches_the_node(rig: Rig, configs: NodeConfigs) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.extend(asked["body"] for asked in rig.waiting("n1"))
        answer()

    answer, rig.meanwhile = rig.meanwhile, look
    configs.change(None, hls_low_latency=True)
    after = configs.change("n1", hls_plain=True)
    assert (after.hls_plain, after.hls_low_latency, after.version) == (True, True, 2)
    assert configs.get() == configs.read("n1") == after
    assert seen[-1] == {"kind": "settings.apply", "settings": {"hls": {"plain": True, "low_latency": True}}}


def test_without_any_change_the_defaults_hold(configs: NodeConfigs) -> None:
    assert configs.get("n1") == NodeConfig(node="n1")
    assert wire_settings(None) == wire_settings(NodeConfig(node="n1"))


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (QuestionResult(outcome="failed", error="the media server refused it"), UpstreamError),
        (QuestionResult(outcome="unknown"), UnavailableError),
    ],
)
def test_a_node_that_cannot_do_it_is_told_of_and_the_change_stays(
    rig: Rig, configs: NodeConfigs, result: QuestionResult, error: type[Exception]
) -> None:
    rig.answers("n1", result)
    with pytest.raises(error, match="the change is kept, but the node does not run with it yet"):
        configs.change("n1", hls_plain=True)
    assert configs.get("n1").hls_plain


def test_what_its_media_server_has_not_is_not_kept(rig: Rig, configs: NodeConfigs) -> None:
    configs.change("n1", hls_plain=True)
    rig.answers("n1", QuestionResult(outcome="refused", field="hls.low_latency", error="use SRS", code="no_such"))
    with pytest.raises(InvalidInputError, match="use SRS"):
        configs.change("n1", hls_low_latency=True)
    now = configs.get("n1")
    assert (now.hls_plain, now.hls_low_latency) == (True, False)


def test_whoever_is_too_late_changes_nothing(configs: NodeConfigs) -> None:
    configs.change("n1", hls_plain=True, version=0)
    with pytest.raises(ConflictError):
        configs.change("n1", hls_plain=False, version=0)
    assert configs.get("n1").hls_plain


def test_one_of_several_nodes_must_be_named(rig: Rig, configs: NodeConfigs) -> None:
    rig.join("n2")
    with pytest.raises(InvalidInputError):
        configs.change(None, hls_plain=True)
    for call in (configs.get, configs.read):
        with pytest.raises(NotFoundError):
            call("n3")
