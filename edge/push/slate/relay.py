"""One stream that never breaks off: the live picture while there is one, a slate while there is none.

Two FFmpegs take turns as its input, `live` (a copy of the stream beside us) and `slate` (an encoder, which runs only
while it is needed). Whoever reads the relay, which is the worker that pushes it to the target, gets one FLV stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.base.log import Log
from edge.ffmpeg.workers.process import Child, Tail
from edge.ffmpeg.workers.redact import redact
from edge.push.slate.argv import Shape, live_argv, slate_argv
from edge.push.slate.flv import FlvError, Parser, Tag, encode, header
from edge.push.slate.joiner import Joiner

log = Log("slate")

LIVE: Final = "live"
SLATE: Final = "slate"
SILENCE_S: Final = 1.5
"""A live picture that stands still for this long is away. Far below the 10 s after which the push itself gives up."""
FIRST_PICTURE_S: Final = 5.0
_RESTART_S: Final = 0.5
_TICK_S: Final = 0.25
_QUEUED: Final = 3000
_GRACE_S: Final = 0.5


@dataclass
class _Reader:
    """Somebody who reads the joined stream."""

    joiner: Joiner
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_QUEUED))

    def give(self, data: bytes | None) -> None:
        """Hand on; whoever does not keep up is cut off, and begins anew."""
        try:
            self.queue.put_nowait(data)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)


class Relay:
    """`run` it, `follow` what is live, read it with `stream`. Times are of the event loop."""

    def __init__(self, ffmpeg: str, slate: Path, *, has_sound: bool = False) -> None:
        self._ffmpeg, self._slate, self._has_sound = ffmpeg, slate, has_sound
        self._url: str | None = None
        self._shape = Shape()
        self._readers: list[_Reader] = []
        self._configs: dict[str, dict[int, Tag]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        self._last_live = 0.0
        self.showing = ""
        """Whose turn it is: `live`, `slate`, or '' before the first picture."""

    def follow(self, url: str | None, shape: Shape | None = None) -> None:
        """`url` is live and to be shown; None: nothing is. `shape`: what it looks like, as far as that is known."""
        if shape is not None:
            self._shape = shape
        if url != self._url:
            self._url = url
            self._stop(LIVE)
            if not self.showing:
                self._last_live = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Keep the inputs as they are needed, until cancelled."""
        try:
            while True:
                self._tend()
                await asyncio.sleep(_TICK_S)
        finally:
            tasks = list(self._tasks.values())
            for name in list(self._tasks):
                self._stop(name)
            if tasks:
                await asyncio.wait(tasks)
            for reader in self._readers:
                reader.give(None)

    def _tend(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._url is not None:
            self._start(LIVE)
        # What is live gets a little time for its first picture before the slate comes.
        patience = SILENCE_S if self.showing else FIRST_PICTURE_S
        if self._url is not None and now - self._last_live < patience:
            self._show(LIVE)
            if self.showing == LIVE:
                self._stop(SLATE)
        else:
            self._start(SLATE)
            self._show(SLATE)

    def _show(self, name: str) -> None:
        for reader in self._readers:
            reader.joiner.want(name)

    def _start(self, name: str) -> None:
        if name not in self._tasks:
            task = asyncio.create_task(self._feed(name), name=f"relay {name}")
            self._tasks[name] = task
            task.add_done_callback(lambda _: self._ended(name))

    def _ended(self, name: str) -> None:
        self._tasks.pop(name, None)
        self._stopping.discard(name)

    def _stop(self, name: str) -> None:
        # Once only: a second cancellation would hit the task while it waits for its FFmpeg to be gone.
        if name in self._tasks and name not in self._stopping:
            self._stopping.add(name)
            self._tasks[name].cancel()

    # inputs

    def _argv(self, name: str) -> list[str]:
        if name == LIVE:
            return live_argv(self._ffmpeg, self._url or "")
        return slate_argv(self._ffmpeg, self._slate, self._shape, has_sound=self._has_sound)

    async def _feed(self, name: str) -> None:
        """One run of an input, from its start to its end."""
        self._configs.pop(name, None)
        for reader in self._readers:
            reader.joiner.forget(name)
        try:
            child = await Child.start(self._argv(name))
        except OSError as error:
            log.limited("slate.ffmpeg_failed", error=error.strerror)
            await asyncio.sleep(_RESTART_S)
            return
        tail = Tail(lines=3)
        errors = asyncio.create_task(child.read_stderr(tail.add))
        try:
            await self._copy(name, child)
            if str(tail) and name == SLATE:  # that a live stream ends is no error
                log.limited("slate.input_failed", input=name, error=redact(str(tail), set()))
        except FlvError as error:
            log.warning("slate.input_broken", input=name, error=str(error))
        finally:
            await child.stop(_GRACE_S)
            errors.cancel()
        await asyncio.sleep(_RESTART_S)

    async def _copy(self, name: str, child: Child) -> None:
        parser, loop = Parser(), asyncio.get_running_loop()
        async for data in child.stdout():
            tags = parser.feed(data)
            if tags and name == LIVE:
                self._last_live = loop.time()
            for tag in tags:
                self._take(name, tag)

    def _take(self, name: str, tag: Tag) -> None:
        if tag.is_config:
            self._configs.setdefault(name, {})[tag.kind] = tag
        for reader in self._readers:
            for out in reader.joiner.take(name, tag):
                reader.give(encode(out))
            if reader.joiner.active and reader.joiner.active != self.showing:
                self.showing = reader.joiner.active
                log.info("slate.showing", input=self.showing)

    # readers

    async def stream(self) -> AsyncIterator[bytes]:
        """The joined stream as FLV, from the next keyframe on; ends when the relay does."""
        reader = _Reader(Joiner())
        for name, configs in self._configs.items():
            for tag in configs.values():
                reader.joiner.take(name, tag)
        reader.joiner.want(self.showing or LIVE)
        self._readers.append(reader)
        try:
            yield header()
            while (data := await reader.queue.get()) is not None:
                yield data
        finally:
            with suppress(ValueError):
                self._readers.remove(reader)
