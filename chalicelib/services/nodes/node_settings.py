"""The settings of single nodes: kept here as desired state, and applied at once where the node can be reached."""

from __future__ import annotations

from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError, UpstreamError
from chalicelib.domain.model.nodes import Node, NodeConfig
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.node_settings import ApplySettingsQuestion, HlsMode, NodeSettings


def wire_settings(config: NodeConfig | None) -> NodeSettings:
    """The settings as they go to the node; without any, the defaults."""
    if config is None:
        return NodeSettings()
    return NodeSettings(hls=HlsMode(plain=config.hls_plain, low_latency=config.hls_low_latency))


class NodeConfigs:
    """Reads and changes the settings of a node."""

    def __init__(self, store: Store, questions: Questions) -> None:
        self._store = store
        self._questions = questions

    def get(self, node: str | None = None) -> NodeConfig:
        """The settings of a node, which need not be named while it is the only one.

        Raises:
            NotFoundError, InvalidInputError: it is not known which one is meant.
        """
        found = self._questions.node(node)
        return self._store.get(NodeConfig, found.id) or NodeConfig(node=found.id)

    def read(self, node: str) -> NodeConfig:
        """The settings of the node of that id, revoked or not.

        Raises:
            NotFoundError: there is none.
        """
        if self._store.get(Node, node) is None:
            raise NotFoundError("there is no such node")
        return self._store.get(NodeConfig, node) or NodeConfig(node=node)

    def change(
        self,
        node: str | None,
        *,
        hls_plain: bool | None = None,
        hls_low_latency: bool | None = None,
        version: int | None = None,
    ) -> NodeConfig:
        """Change settings and wait until the node has applied them. What is None stays as it is.

        The change is kept before the node is asked: when this raises one of the last two errors, it is stored all the
        same, and the node applies it when it can.

        Raises:
            NotFoundError, InvalidInputError: it is not known which node is meant; or its media server has no such
                thing, and what was there before is kept.
            ConflictError: somebody else changed them in the meantime.
            UnavailableError: the node did not answer in time.
            UpstreamError: the node could not apply them; the message says why.
        """
        now = self.get(node)
        if version is not None and version != now.version:
            raise ConflictError(
                "the settings were changed by somebody else in the meantime; read them again", code="changed_meanwhile"
            )
        changes = {
            "hls_plain": now.hls_plain if hls_plain is None else hls_plain,
            "hls_low_latency": now.hls_low_latency if hls_low_latency is None else hls_low_latency,
        }
        new = now.model_copy(update=changes)
        self._store.commit(Save(new))
        try:
            self._questions.ask(new.node, ApplySettingsQuestion(settings=wire_settings(new)))
        except InvalidInputError:
            self._store.commit(Save(now.model_copy(update={"version": new.version + 1})))
            raise
        except (UnavailableError, UpstreamError) as error:
            said = f"the change is kept, but the node does not run with it yet: {error}"
            raise type(error)(said, code="not_applied_yet", said=str(error)) from error
        return new.model_copy(update={"version": new.version + 1})
