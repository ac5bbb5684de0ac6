"""Two instances with different folders and ports know nothing of each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.demo.receiver import receiver

from .system import System, environment, new_name

pytestmark = pytest.mark.media


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: a name of a socket in it has bounds."""
    return tmp_path_factory.mktemp("twin")


def test_two_instances_run_side_by_side(system: System, short: Path, clip: Path) -> None:
    with receiver() as received:
        other = System(short / "home", clip, received, environment())
        other.start()
        try:
            other.prepare()
            assert other.secret != system.secret
            name = new_name("twin")
            encoders = [system.publish(name), other.publish(name)]
            here, there = system.live(name), other.live(name)
            assert here["session"] != there["session"]
            assert here["node"] != there["node"]
            assert other.refused(f"live/{new_name('twin')}?secret={system.secret}")
            for of, encoder in zip((system, other), encoders, strict=True):
                of.end(encoder)
                of.gone(name)
            assert other.recorded(name)["id"] != system.recorded(name)["id"]
            assert received.wait_for("on_record_end", name, 20)
            assert len(received.actions(name)) == len(set(received.actions(name))) == 4
        finally:
            other.kill_encoders()
            other.stop()
