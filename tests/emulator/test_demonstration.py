"""The demonstration on the packaged functions: a stream is published, pushed, recorded, finished and told."""

from __future__ import annotations

import os

import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.demo.receiver import receiver
from infra.local.demo.run import CLIP_S, Demo
from infra.local.start import Instance
from tests.conftest import free_port

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
