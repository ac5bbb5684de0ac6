"""The demonstration on the packaged functions: a stream is published, pushed, recorded, finished and told. Then its
recording is finished again as if it were too large for a function.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.demo.receiver import receiver
from infra.local.demo.run import CLIP_S, Demo
from infra.local.start import Instance
from tests.conftest import free_port
from tests.waiting import until

from . import tasks
from .cloud import Cloud
from .edge import an_edge

pytestmark = [pytest.mark.emulator, pytest.mark.media, pytest.mark.slow]


def test_the_demonstration_passes(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> None:
    tmp_path = tmp_path_factory.mktemp("d")
    clip = tmp_path / "clip.flv"
    media.make_clip(clip, CLIP_S)
    ports = {name: free_port() for name in ("hooks", "status", "local", "api", "http", "rtmp")}
    with an_edge(cloud, tmp_path, ports) as rtmp, receiver() as callbacks:
        at = {"url": cloud.url, "rtmp": f"{rtmp}/live", "api_secret": cloud.first["api_secret"]}
        api = Api(cloud.url, cloud.first["api_secret"])
        demo = Demo(Instance(tmp_path, at, os.getpid()), api, callbacks, clip, lambda _: None)
        assert demo.run(), [row for row in demo.rows if not row.ok]


def _finisher(cloud: Cloud, above_mb: int) -> None:
    client = cloud.deployment().client("lambda")
    name = "sluice-test-on-finish"
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables |= {"SLUICE_TASK_ABOVE_MB": str(above_mb)}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def _told(cloud: Cloud, task: dict[str, Any], status: int) -> None:
    """The event of a task's end, as the rule brings it to its function."""
    detail = {"startedBy": task["startedBy"], "lastStatus": "STOPPED", "containers": [{"exitCode": status}]}
    event: dict[str, Any] = dict.fromkeys(("id", "account", "time", "region", "version"), "") | {"resources": []}
    event |= {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": detail}
    client = cloud.deployment().client("lambda")
    said = client.invoke(FunctionName="sluice-test-on-task", Payload=json.dumps(event))
    assert "FunctionError" not in said, said["Payload"].read()


def test_what_is_too_large_for_a_function_is_finished_by_a_task(cloud: Cloud, tmp_path: Path) -> None:
    api = Api(cloud.url, cloud.first["api_secret"])
    recording = api.call("GET", "/v1/recordings")["items"][0]["id"]
    before = api.call("GET", f"/v1/recordings/{recording}")
    assert before["state"] == "ready"
    _finisher(cloud, 0)
    try:
        api.call("POST", f"/v1/recordings/{recording}/finish")
        until(lambda: len(tasks.started(cloud)) == 1, "a task was started", 60)
        (first,) = tasks.started(cloud)
        _told(cloud, first, 143)  # interrupted before it began
        until(lambda: len(tasks.started(cloud)) == 2, "another one was started", 60)
    finally:
        _finisher(cloud, 4096)
    (second,) = [task for task in tasks.started(cloud) if task["taskArn"] != first["taskArn"]]
    done = tasks.run(cloud, second, tmp_path)
    assert done.wait(120) == 0, (tmp_path / "task.log").read_text()
    _told(cloud, second, 0)
    after = api.call("GET", f"/v1/recordings/{recording}")
    assert (after["state"], after["error"]) == ("ready", "")
    assert after["finished_at"] > before["finished_at"]
    assert len(tasks.started(cloud)) == 2
