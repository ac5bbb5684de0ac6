"""Takes segments over: a hard link into the spool's folder and a row, durable before the hook is answered.

From then on nothing that the media server or an operator deletes is lost. A segment that no hook announced (the agent
was down, a hook was aborted) is found by scanning the live folder: at start, when a sequence number jumps, and when a
session is over.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from chalicelib.wire.edge.events import RecordingStarted
from chalicelib.wire.hooks import Hook
from edge.base.clock import Clock
from edge.base.durable import sync_folder, write_private
from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.config import Settings
from edge.record.lengths import Lengths
from edge.sessions.events import SpooledRow, spooled
from edge.sessions.lifecycle import Lifecycle, save_session
from edge.spool import outbox, tables
from edge.spool.session import Session
from edge.spool.writer import Spool
from edge.srs.segmentfile import (
    MAX_DURATION_MS,
    UNFINISHED,
    FileId,
    Position,
    SegmentFile,
    inspect,
    playlist_durations_ms,
    probe_duration_ms,
    scan,
    something_missing,
    to_adopt,
)
from edge.watching.viewers import stream_of

log = Log("linker")
UNKNOWN_DURATION_MS: Final = 2000
REMEMBER_S: Final = 86_400.0
NOTE: Final = "session.json"
"""Whose segments lie in a folder, should the spool forget it."""


class Linker:
    """Owns the spool's segment folder."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, spool: Spool, clock: Clock) -> None:
        self._settings, self._lifecycle, self._spool, self._clock = settings, lifecycle, spool, clock
        self.folder = settings.agent_dir / "segments"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = Path(os.path.realpath(settings.hls_dir))
        self._taken: dict[FileId, asyncio.Future[None] | None] = dict.fromkeys(
            spool.run(lambda db: tables.recent_files(db, clock.now().timestamp() - REMEMBER_S))
        )
        self._locks: dict[str, asyncio.Lock] = {}
        self._since: dict[str, Position | None] = {}  # up to where nothing is missing, where links were entered
        self._lengths = Lengths()
        self.on_linked: Callable[[], None] = lambda: None

    def path_of(self, segment: tables.Segment) -> Path:
        """Where the spool keeps a segment."""
        return self.folder / segment.session / segment.file

    def live_folder(self, session: Session) -> Path:
        """Where the media server writes the session's segments."""
        return self._root / session.stream.app

    async def announced(self, hook: Hook) -> Session | None:
        """Take over the segment of an `on_hls`. Returns its session; None: nobody's, or outside the live folder.

        Raises:
            SpoolError: it is linked, but not yet durable.
        """
        session = self._lifecycle.book.owner_of_segment((hook.service_id, hook.client_id), stream_of(hook))
        if session is None:
            log.limited("segment.of_nobody")
            return None
        path = self._inside(hook)
        if path is None:
            log.limited("segment.outside_live_folder", session=session.id)
            return None
        file = inspect(path, session.stream.stream)
        if file is None or not await self._is_taken(file):
            async with self._lock(session):
                done = await self._announced(session, file, round(hook.duration * 1000))
            # The order is fixed; waiting for the disk outside the lock lets commits be shared.
            if done is not None:
                await asyncio.shield(done)
        return session

    async def _announced(self, session: Session, file: SegmentFile | None, told_ms: int) -> asyncio.Future[None] | None:
        # What no hook told may also have come before the first that one did.
        if session.last_segment is None or something_missing(session.last_segment, file.position if file else None):
            await self._adopt(session, before=file)
        length = await self._lengths.of(session.id, file, told_ms)
        done = await self._take(session, file, length.duration_ms, parted=length.parted)
        # The media server's clock ran on from before the jump; a player's does not.
        session.broken |= length.jumps
        return done

    async def _is_taken(self, file: SegmentFile) -> bool:
        """Whether a file was taken over already; durable then."""
        if file.id not in self._taken:
            return False
        pending = self._taken[file.id]
        if pending is not None:
            await asyncio.shield(pending)
        return True

    async def adopt(self, session: Session, *, unfinished: bool = False) -> int:
        """Take over what the session's hooks did not tell. Returns how many segments. `unfinished`: the media server
        that wrote them is gone, so that what it had not finished is all there will be.

        Raises:
            SpoolError: not all is durable yet.
        """
        async with self._lock(session):
            return await self._adopt(session, unfinished=unfinished)

    def entered(self, files: Mapping[str, Collection[tuple[int, int]]]) -> None:
        """Links without a row were entered: what they are of, (inode, mtime in ns) by session, is taken already."""
        for session_id, sources in files.items():
            if (session := self._lifecycle.book.sessions.get(session_id)) is None:
                continue
            self._since.setdefault(session_id, session.last_segment)
            for file in scan(self.live_folder(session), session.stream.stream):
                if (file.inode, file.mtime_ns) in sources:
                    self._taken[file.id] = None
                    session.last_segment = max(filter(None, (session.last_segment, file.position)), default=None)

    def forget_file(self, file: FileId) -> None:
        """The live folder no longer has it."""
        self._taken.pop(file, None)

    def forget_session(self, session_id: str) -> None:
        """Nothing is left to do for the session: its folder goes, unless there is a link in it after all."""
        self._locks.pop(session_id, None)
        self._since.pop(session_id, None)
        self._lengths.forget(session_id)
        folder = self.folder / session_id
        try:
            if not any(folder.glob("*.ts")):
                (folder / NOTE).unlink(missing_ok=True)
                folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("segment.folder_stays", session=session_id, error=error.strerror)

    def drop(self, segment: tables.Segment) -> None:
        """Delete a link that nobody needs any more."""
        try:
            self.path_of(segment).unlink(missing_ok=True)
        except OSError as error:  # the next reconciliation deletes it
            log.warning("segment.link_stays", session=segment.session, error=error.strerror)

    def _lock(self, session: Session) -> asyncio.Lock:
        return self._locks.setdefault(session.id, asyncio.Lock())

    def _inside(self, hook: Hook) -> Path | None:
        """The announced file, when it really lies inside the live folder."""
        if "\0" in hook.file or "\0" in hook.cwd:
            return None
        given = Path(hook.cwd or "/") / hook.file
        folder = Path(os.path.realpath(given.parent))
        return folder / given.name if folder.is_relative_to(self._root) else None

    async def _adopt(self, session: Session, before: SegmentFile | None = None, *, unfinished: bool = False) -> int:
        folder = self.live_folder(session)
        files = await asyncio.to_thread(scan, folder, session.stream.stream, unfinished=unfinished)
        limits = [round(session.ended_at.timestamp() * 1000)] if session.ended_at else []
        limits += [before.position[0]] if before and before.position else []
        limits += self._followed_ms(session)
        missed = to_adopt(
            files,
            self._taken.keys(),
            self._since.get(session.id, session.last_segment),
            round(session.opened_at.timestamp() * 1000) - 1000,
            min(limits, default=None),
        )
        if not missed:
            self._since.pop(session.id, None)
            return 0
        durations = await asyncio.to_thread(_read_playlist, folder / f"{session.stream.stream}.m3u8")
        done = None
        for file in missed:
            length = await self._lengths.of(session.id, file, durations.get(Path(file.path).name, 0))
            if file.path.endswith(UNFINISHED) and not length.duration_ms:
                continue  # not a picture in it
            duration_ms = length.duration_ms or await self._probe(Path(file.path))
            done = await self._take(session, file, duration_ms, parted=length.parted) or done
            session.broken |= length.jumps
        if done is not None:
            await asyncio.shield(done)
        self._since.pop(session.id, None)
        log.info("segment.adopted", session=session.id, segments=len(missed))
        return len(missed)

    def _followed_ms(self, session: Session) -> list[int]:
        """When later sessions of the stream began: what is written from then on is theirs. Of two that nobody saw live
        it is the later: the answer to the earlier got lost. One that nobody saw live, but that was let in when nobody
        else published any more, may have begun all the same: then it is its own, too.
        """
        later = [s for s in self._lifecycle.book.sessions.values() if s.id > session.id and s.stream == session.stream]
        theirs = [s for s in later if s.state in {"live", "ended"} or s.state == session.state == "admitted"]
        theirs += [s for s in later if s.alone or s.service_id != session.service_id]
        return [round(s.opened_at.timestamp() * 1000) for s in theirs]

    async def _probe(self, path: Path) -> int:
        probed = await probe_duration_ms(self._settings.ffprobe, path)
        return UNKNOWN_DURATION_MS if probed is None else probed

    async def _take(
        self, session: Session, file: SegmentFile | None, duration_ms: int, *, parted: bool
    ) -> asyncio.Future[None] | None:
        """Link one file at the session's next index; the future resolves when it is durable. A missing file leaves a
        gap and gives None, as does one that was taken over meanwhile. `parted`: its media does not run on.

        Raises:
            SpoolError: it cannot be linked now. It stays where it is, and is adopted later.
        """
        if file is None:
            await self._note_gap(session, "missing_file", duration_ms)
            return None
        if await self._is_taken(file):
            return None
        jump = something_missing(session.last_segment, file.position)
        keep = not (session.planned and session.recording is None)
        idx = session.next_index
        name = f"{idx:08d}-{file.inode:x}-{file.mtime_ns:x}.ts"
        try:
            if keep:
                await self._link(file, session, name)
        except FileNotFoundError:
            await self._note_gap(session, "missing_file", duration_ms)
            return None
        except OSError as error:
            log.alert("segment.link_failed", session=session.id, error=error.strerror)
            raise SpoolError(f"a segment cannot be linked: {error.strerror}") from error
        segment = tables.Segment(
            session=session.id,
            idx=idx,
            recording=session.recording if session.planned else None,
            duration_ms=min(max(duration_ms, 0), MAX_DURATION_MS),
            disc=jump or parted or session.broken,
            source=file.path,
            inode=file.inode,
            mtime_ns=file.mtime_ns,
            bytes=file.size,
            state="linked" if keep else "dropped",
            linked_at=self._clock.now().timestamp(),
            name=name,
        )
        session.next_index, session.broken = idx + 1, False
        session.last_segment = max(filter(None, (session.last_segment, file.position)), default=None)
        return self._enter(session, segment, file, gap=jump)

    def _enter(
        self, session: Session, segment: tables.Segment, file: SegmentFile, *, gap: bool
    ) -> asyncio.Future[None]:
        started, began = None, None
        if segment.recording and segment.state == "linked":
            began = self._began(file, segment.duration_ms)
            started = spooled(self._clock, RecordingStarted(recording=segment.recording, first_at=began), session)
        save = save_session(session)

        def write(db: sqlite3.Connection) -> None:
            tables.add_segment(db, segment)
            save(db)
            if gap:
                tables.add_gap(db, segment.session, segment.recording, segment.idx, "missing_file")
            start_part(db, segment.session, segment.recording, started, began)

        link = self.path_of(segment)
        sync = (link, link.parent) if segment.state == "linked" else ()
        future = self._spool.submit(write, sync=sync, keep=True)
        self._taken[file.id] = future
        future.add_done_callback(lambda done: self._entered(file.id, done))
        return future

    def _began(self, file: SegmentFile, duration_ms: int) -> datetime:
        """When the first picture of a segment came: its file's name says it; else it is reckoned from its end."""
        now = self._clock.now()
        if file.position is not None and 0 <= now.timestamp() - file.position[0] / 1000 < MAX_DURATION_MS / 1000:
            return datetime.fromtimestamp(file.position[0] / 1000, UTC)
        return now - timedelta(milliseconds=min(duration_ms, MAX_DURATION_MS))

    def _entered(self, file: FileId, done: asyncio.Future[None]) -> None:
        if not done.cancelled() and done.exception() is not None:
            log.limited("segment.not_durable_yet")
        if file in self._taken:
            self._taken[file] = None
        self.on_linked()

    async def _link(self, file: SegmentFile, session: Session, name: str) -> None:
        """Take a file over under a name that is its own: the same file has the same, so that what a crash left between
        link and commit is found again, and nothing ever has to make room.

        Raises:
            FileNotFoundError: it is not there, or another file is there by now.
            OSError: it cannot be done now.
        """
        target = self.folder / session.id / name
        note = target.parent / NOTE
        if not note.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder)
            write_private(note, session.to_json().encode())  # whoever finds it knows that its folder is durable
        if self._settings.segment_mode == "link":
            with suppress(FileExistsError):
                os.link(file.path, target, follow_symlinks=False)
            if target.lstat().st_ino != file.inode:
                target.unlink()
                raise FileNotFoundError
            return
        await asyncio.to_thread(_copy, Path(file.path), target)

    async def _note_gap(self, session: Session, reason: str, duration_ms: int) -> None:
        session.broken = True
        gap = (
            session.id,
            session.recording if session.planned else None,
            session.next_index,
            reason,
            duration_ms or None,
        )
        save = save_session(session)

        def write(db: sqlite3.Connection) -> None:
            tables.add_gap(db, *gap)
            save(db)

        log.warning("segment.missing", session=session.id, reason=reason)
        with suppress(SpoolError):
            await self._spool.submit(write, keep=True)


def start_part(
    db: sqlite3.Connection,
    session: str,
    recording: str | None,
    started: SpooledRow | None,
    began: datetime | None = None,
) -> None:
    """Note that a recording has a segment of this session; the event goes out with the first. `began`: when the first
    picture came.
    """
    if recording is None or started is None:
        return
    if tables.open_part(db, session, recording, str(began.timestamp()) if began else started_at(started)):
        outbox.add_event(db, *started)


def started_at(event: SpooledRow) -> str:
    """Seconds since the epoch of an event, as text for a part."""
    return str(event[3])


def _copy(source: Path, target: Path) -> None:
    """Copy a file whole or not at all.

    Raises:
        OSError: it could not be.
    """
    partial = target.with_suffix(".tmp")
    try:
        shutil.copyfile(source, partial, follow_symlinks=False)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _read_playlist(path: Path) -> dict[str, int]:
    try:
        return playlist_durations_ms(path.read_text(errors="replace"))
    except OSError:
        return {}
