"""Makes one stream of several that take turns: times go on, and each begins where a decoder can. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from edge.push.slate.flv import AUDIO, SCRIPT, VIDEO, Tag

STEP_MS: Final = 40
"""Between the last tag of one input and the first of the next: a picture's length at 25 a second."""
MAX_JUMP_MS: Final = 2000
"""A larger step in the times of one input is its own mistake, and not handed on."""


@dataclass
class _Input:
    """What was learnt of an input: its sequence headers, by kind."""

    configs: dict[int, Tag] = field(default_factory=dict)


class Joiner:
    """One output. `want` says whose turn it is; the turn is taken at that input's next keyframe, and until then the one
    before goes on.
    """

    def __init__(self) -> None:
        self._inputs: dict[str, _Input] = {}
        self._wanted = ""
        self.active = ""
        """Whose tags go out; '' before the first."""
        self._shift = 0
        self._last_in = 0
        self._last_out: int | None = None

    def want(self, name: str) -> None:
        """It is the turn of that input."""
        self._wanted = name

    def forget(self, name: str) -> None:
        """That input begins anew: what was learnt of it holds no more, and its times are others."""
        self._inputs.pop(name, None)
        if self.active == name:
            self.active = ""

    def take(self, name: str, tag: Tag) -> list[Tag]:
        """What goes out because a tag came in."""
        known = self._inputs.setdefault(name, _Input())
        if tag.kind == SCRIPT:
            return []
        if tag.is_config:
            changed = known.configs.get(tag.kind) != tag
            known.configs[tag.kind] = tag
            return [self._out(tag)] if name == self.active and changed else []
        if tag.is_keyframe and VIDEO in known.configs:
            tag = tag.with_parameters(known.configs[VIDEO])
        if name == self.active and self._wanted in ("", name):
            return [self._out(tag)]
        if name == self._wanted and self._can_begin(known, tag):
            return self._begin(name, known, tag)
        return [self._out(tag)] if name == self.active else []

    @staticmethod
    def _can_begin(known: _Input, tag: Tag) -> bool:
        """With a picture that decoders can begin with; with sound, where there is no picture."""
        return tag.is_keyframe if VIDEO in known.configs else tag.kind == AUDIO or tag.is_keyframe

    def _begin(self, name: str, known: _Input, tag: Tag) -> list[Tag]:
        self.active = name
        begin = 0 if self._last_out is None else self._last_out + STEP_MS
        self._shift, self._last_in = begin - tag.at, tag.at
        headers = [known.configs[kind] for kind in (VIDEO, AUDIO) if kind in known.configs]
        return [*(Tag(h.kind, begin, h.body) for h in headers), self._out(tag)]

    def _out(self, tag: Tag) -> Tag:
        if abs(tag.at - self._last_in) > MAX_JUMP_MS:
            self._shift += self._last_in - tag.at + STEP_MS
        self._last_in = tag.at
        moved = tag.moved(self._shift)
        if moved.at < 0:
            moved = Tag(tag.kind, 0, tag.body)
        self._last_out = max(self._last_out or 0, moved.at)
        return moved
