"""Of a recording that runs, only the end is listed anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from chalicelib.domain.model.recordings import Recording, RecordingPart
from chalicelib.ports.objects import StoredObject
from chalicelib.services.recordings import arriving
from chalicelib.services.recordings.arriving import TAIL, Arriving
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import SegmentKey
from tests.fakes import MemoryObjects
from tests.unit.cloud_rig import Cloud

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RECORDING = "0a0b0c0d-0000-4000-8000-000000000000"
FIRST, SECOND = "01JD0000000000000000000001", "01JD0000000000000000000002"


class Counted(MemoryObjects):
    """Counts what its lists hold."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = 0

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        found = [*super().list(prefix, after)]
        self.listed += len(found)
        return found

    def put(self, session: str, *indexes: int, recording: str = RECORDING) -> None:
        for index in indexes:
            self.objects[str(SegmentKey(recording, "n1", session, index, 2000))] = b"x"


def running(*sessions: str, recording: str = RECORDING) -> Recording:
    parts = {s: RecordingPart(node="n1", started_at=NOW, number=i) for i, s in enumerate(sessions)}
    stream = StreamName(app="live", stream="x")
    return Recording(id=recording, stream=stream, state="recording", started_at=NOW, updated_at=NOW, parts=parts)


def test_the_head_is_listed_once_and_the_tail_each_time() -> None:
    objects = Counted()
    found = Arriving(objects)
    objects.put(FIRST, *range(1000))
    assert len(found.segments(running(FIRST))) == 1000
    objects.listed = 0
    objects.put(FIRST, 1000)
    assert [s.key.index for s in found.segments(running(FIRST))] == list(range(1001))
    assert objects.listed == TAIL + 1


def test_what_comes_out_of_order_is_found() -> None:
    objects = Counted()
    found = Arriving(objects)
    objects.put(FIRST, *range(100), 101, 103)
    found.segments(running(FIRST))
    objects.put(FIRST, 100, 102)
    assert [s.key.index for s in found.segments(running(FIRST))] == list(range(104))


def test_a_session_that_joins_is_behind_the_first() -> None:
    objects = Counted()
    found = Arriving(objects)
    objects.put(FIRST, 0, 1)
    found.segments(running(FIRST))
    objects.put(SECOND, 0)
    objects.put(FIRST, 2)
    keys = [(s.key.session, s.key.index) for s in found.segments(running(FIRST, SECOND))]
    assert keys == [(FIRST, 0), (FIRST, 1), (FIRST, 2), (SECOND, 0)]


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "MOST_KEPT", 150)
    objects = Counted()
    found = Arriving(objects)
    for i in range(3):
        name = f"{i:08d}-0000-4000-8000-000000000000"
        objects.put(FIRST, *range(100), recording=name)
        found.segments(running(FIRST, recording=name))
    assert len(found._kept) == 1


def test_a_playlist_of_what_runs_grows_and_of_what_is_over_is_whole() -> None:
    cloud = Cloud()
    session = cloud.go_live()
    recording = cloud.record(session, segments=2)
    assert cloud.library.playlist(recording).count("#EXTINF") == 2
    cloud.objects.objects[str(SegmentKey(recording, cloud.node, session, 2, 2000))] = b"x"
    text = cloud.library.playlist(recording)
    assert text.count("#EXTINF") == 3
    assert "#EXT-X-ENDLIST" not in text
