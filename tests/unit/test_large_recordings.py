"""What is too large for a function is finished by a task: handed on once, tried again when the task ends without a
word, given up after five times.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.aws.ecs import ECS, Ecs, EcsTasks, TaskPlace
from chalicelib.domain import room
from chalicelib.domain.errors import UnavailableError
from chalicelib.domain.model.recordings import FinishHold, Recording
from chalicelib.services.recordings.artifacts import Artifacts
from chalicelib.services.recordings.finishing import MAX_FINISHES_BEFORE_GIVING_UP, Finisher
from chalicelib.services.recordings.tasks import EndedTasks
from chalicelib.wire.tasks import EndedTask, ended_task, started_by
from tests.faults.test_cloud_engine import finish_once, get, recorded
from tests.unit.cloud_rig import Cloud

GIB = 1024**3


@dataclass
class FakeTasks:
    """Starts nothing. `refuses`: why no task can be started."""

    above: int = 0
    refuses: str = ""
    started: list[tuple[str, str, bool]] = field(default_factory=list)

    def start(self, recording: str, hold: str, disk_gib: int, *, interruptible: bool) -> None:
        if self.refuses:
            raise UnavailableError(self.refuses)
        assert disk_gib >= 21
        self.started.append((recording, hold, interruptible))


Usage = namedtuple("Usage", "total free")


class Large(Cloud):
    """A cloud whose functions hand everything on. `disk`: what the machine of a task is said to have."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Usage(1000 * GIB, 1000 * GIB)
        self.tasks = FakeTasks()
        artifacts = Artifacts(self.objects, self.media, self.settings, self.folders, lambda _: self.disk)
        self.in_task = self._finisher(artifacts, None)
        self.finisher = self._finisher(artifacts, self.tasks)

    def _finisher(self, artifacts: Artifacts, tasks: FakeTasks | None) -> Finisher:
        return Finisher(self.store, artifacts, self.settings, self.clock, "/data/record", self.finish_queue, tasks)


@pytest.fixture
def cloud() -> Large:
    return Large()


@pytest.fixture
def tasks(cloud: Large) -> FakeTasks:
    return cloud.tasks


def in_task(cloud: Large, hold: str) -> None:
    """What the task does."""
    (recording,) = [e for e in cloud.store.rows.values() if isinstance(e, Recording)]
    cloud.in_task.finish(recording.id, handed=hold)
    cloud.run_stream()


def test_a_task_takes_over_what_it_was_handed(cloud: Large, tasks: FakeTasks) -> None:
    recording = recorded(cloud)
    finish_once(cloud)
    ((name, hold, interruptible),) = tasks.started
    assert (name, interruptible) == (recording, True)
    assert get(cloud, recording).state == "finishing"
    in_task(cloud, "somebody-else")
    assert get(cloud, recording).state != "ready"
    in_task(cloud, hold)
    assert get(cloud, recording).state == "ready"
    assert not EndedTasks(cloud.store, cloud.clock, cloud.finish_queue).ended(EndedTask(recording, hold, "it is over"))


def test_a_message_that_comes_twice_starts_one_task(cloud: Large, tasks: FakeTasks) -> None:
    recording = recorded(cloud)
    finish_once(cloud)
    cloud.finisher.finish(recording)
    assert len(tasks.started) == 1
    assert "held" in cloud.finish_queue.sent[-1][0]


def test_one_that_never_started_is_started_anew(cloud: Large, tasks: FakeTasks) -> None:
    recording = recorded(cloud)
    finish_once(cloud)
    cloud.clock.pass_(seconds=16 * 60)
    cloud.finisher.finish(recording)
    (_, first, _), (_, second, interruptible) = tasks.started
    assert first != second
    assert interruptible is False
    in_task(cloud, first)
    assert get(cloud, recording).state != "ready"


def test_tasks_that_end_without_a_word_are_bounded(cloud: Large, tasks: FakeTasks) -> None:
    recording = recorded(cloud)
    cloud.with_callbacks()
    ended = EndedTasks(cloud.store, cloud.clock, cloud.finish_queue)
    for _ in range(20):
        while cloud.finish_queue.sent:
            finish_once(cloud)
        if get(cloud, recording).state == "failed":
            break
        assert ended.ended(EndedTask(recording, tasks.started[-1][1], "no memory"))
        assert get(cloud, recording).error == "its task ended: no memory"
        assert get(cloud, recording).error_code == "task_ended"
    assert get(cloud, recording).state == "failed"
    assert len(tasks.started) == MAX_FINISHES_BEFORE_GIVING_UP
    assert [spare for _, _, spare in tasks.started] == [True, False, False, False, False]
    cloud.deliver()
    assert cloud.actions().count("on_record_end") == 1


def test_no_capacity_is_waited_for(cloud: Large, tasks: FakeTasks) -> None:
    recording = recorded(cloud)
    tasks.refuses = "no task could be started: RESOURCE:MEMORY"
    finish_once(cloud)
    assert get(cloud, recording).error == tasks.refuses
    assert get(cloud, recording).state == "finishing"
    tasks.refuses = ""
    finish_once(cloud)
    in_task(cloud, tasks.started[-1][1])
    assert get(cloud, recording).state == "ready"


def test_the_disk_is_looked_at_before_anything_is_fetched(cloud: Large) -> None:
    recording = recorded(cloud)
    cloud.disk = Usage(100 * GIB, 1)
    cloud.in_task.finish(recording)
    found = get(cloud, recording)
    assert (found.state, found.finishes) == ("finishing", 0)
    assert "there is no room" in found.error
    cloud.disk = Usage(1, 1)
    assert cloud.store.get(FinishHold, recording) is not None
    cloud.in_task.finish(recording)
    assert "this machine has 0.0 GB in all" in get(cloud, recording).error
    assert get(cloud, recording).error_code == "disk_too_small"
    assert get(cloud, recording).finishes == 1
    assert cloud.objects.fetched == []


@given(st.integers(0, 300 * GIB))
def test_a_task_has_the_disk_that_its_recording_needs(media: int) -> None:
    disk = room.task_disk_gib(media)
    if disk is None:
        assert room.disk_bytes(media) > 200 * GIB
    else:
        assert 21 <= disk <= 200
        assert disk * GIB >= room.disk_bytes(media)


class AskedEcs(Ecs):
    """Answers as it was told to, and keeps what it was asked."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        super().__init__(ECS, "us-east-1")
        self.asked: list[dict[str, Any]] = []
        self._answers = answers

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert operation == "RunTask"
        self.asked.append(arguments)
        return self._answers.pop(0)


def test_a_request_is_what_ecs_takes() -> None:
    client = AskedEcs([{"tasks": [{}], "failures": []}, {"failures": [{"reason": "RESOURCE:MEMORY"}]}])
    tasks = EcsTasks(client, TaskPlace("cluster", "definition", ("subnet-1",), "sg-1", 0))
    tasks.start("rec-1", "task-1", 30, interruptible=True)
    shape = botocore.session.get_session().get_service_model("ecs").operation_model("RunTask").input_shape
    assert shape is not None
    validate_parameters(client.asked[0], shape)
    with pytest.raises(UnavailableError, match="RESOURCE:MEMORY"):
        tasks.start("rec-1", "task-1", 30, interruptible=False)
    providers = [a["capacityProviderStrategy"][0]["capacityProvider"] for a in client.asked]
    assert providers == ["FARGATE_SPOT", "FARGATE"]


def test_the_end_of_a_task_names_its_recording_and_why() -> None:
    said = {"startedBy": started_by("rec-1", "task-1"), "stoppedReason": "Your Spot Task was interrupted."}
    task = ended_task(said | {"containers": [{"exitCode": 143}]})
    assert task == EndedTask("rec-1", "task-1", "Your Spot Task was interrupted. (status 143)")
    assert ended_task({"startedBy": "ecs-svc/123456"[:7]}) is None
    assert ended_task({}) is None
    killed = ended_task(said | {"containers": [{"exitCode": 137, "reason": "OutOfMemoryError: killed"}]})
    assert killed is not None
    assert "OutOfMemoryError" in killed.reason
