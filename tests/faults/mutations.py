"""Takes one guard out of the product at a time, in a copy of it, and runs the tests that must notice:
`python -m tests.faults.mutations`. A guard whose loss nobody notices is one that nobody tests.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .report import report

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutation:
    """`old` becomes `new` in `file`; one of `commands` must fail."""

    name: str
    file: str
    old: str
    new: str
    command: str


def simulated(seeds: str, world: str = "edge") -> str:
    return f"-m tests.faults.simulation --world {world} --until-bad --seeds {seeds}"


def tests(*which: str) -> str:
    return f"-m pytest -q -x -p no:cacheprovider {' '.join(which)}"


MUTATIONS = (
    Mutation("the fsync of links", "edge/spool/writer.py", "                    _fsync(path)\n", "", simulated("1-40")),
    Mutation("the fsync of what is entered", "edge/parts.py", ", sync=reconcile.files_of(odd)", "", simulated("1-40")),
    Mutation(
        "the full synchronisation of the spool", "edge/spool/schema.py", "synchronous=FULL", "synchronous=OFF",
        tests("tests/faults/test_found.py -k brought_to_the_disk"),
    ),
    Mutation(
        "the conditional write", "chalicelib/adapters/local/store.py",
        "if isinstance(change, Save | Delete) and _version(old) != change.entity.version:", "if False:",
        tests("tests/contract/test_store.py"),
    ),
    Mutation(
        "the fence", "chalicelib/services/pushing/pushes.py",
        "not lease.held or lease.fence != fence or lease.node != node", "not lease.held or lease.node != node",
        tests("tests/faults/test_found.py -k late_stop"),
    ),
    Mutation(
        "the fence of what was given back", "edge/push/grants.py",
        "return held[1] <= self._given_back.get(held[0], 0)", "return False",
        tests("tests/faults/test_found.py -k given_back"),
    ),
    Mutation(
        "the target of before", "chalicelib/services/edges/sync.py",
        "if lease.leaving and running.get((lease.destination, lease.fence)) == lease.edition:", "if lease.leaving:",
        tests("tests/faults/test_found.py -k nobody_elses"),
    ),
    Mutation(
        "the second look under the lock", "edge/record/linker.py",
        "        if await self._is_taken(file):\n            return None\n", "",
        tests("tests/faults/test_engine.py -k taken_once"),
    ),
    Mutation(
        "the checksum of events", "edge/spool/outbox.py",
        'if zlib.crc32(text.encode("utf-8", "surrogateescape")) == crc:', "if True:",
        tests("tests/unit/edge_agent/test_edge_spool.py"),
    ),
    Mutation(
        "the checksum of rows", "edge/spool/schema.py",
        "rows = list(checksums.damaged(opened.db))", "rows: list[tuple[str, tuple[object, ...]]] = []",
        tests("tests/unit/edge_agent/test_edge_spool.py"),
    ),
    Mutation(
        "the header of a spool", "edge/spool/schema.py", "    _mend_header(path, fresh)\n", "",
        tests("tests/unit/edge_agent/test_edge_spool.py -k at_the_beginning"),
    ),
    Mutation(
        "the shape of a spool", "edge/spool/schema.py",
        "            unlike = difference(shape_of(db), _wanted())\n", '            unlike = ""\n',
        tests("tests/unit/edge_agent/test_edge_spool.py -k describes"),
    ),
    Mutation(
        "whether nobody else published", "edge/record/linker.py", "s.alone or ", "",
        tests("tests/unit/edge_agent/test_edge_identity.py -k one_before_was_gone"),
    ),
    Mutation(
        "the count of commits", "edge/spool/schema.py",
        "    return known is None or there < known\n", "    return False\n",
        tests("tests/unit/edge_agent/test_edge_spool.py"),
    ),
    Mutation(
        "what the cloud acknowledged", "chalicelib/services/edges/events.py",
        "if told is None or told <= known:", "if True:",
        tests("tests/faults/test_cloud_engine.py -k e7"),
    ),
    Mutation(
        "the checksum of an upload", "edge/record/stores/s3.py",
        '            "x-amz-checksum-sha256": content.checksum,\n', "",
        simulated("1-2"),
    ),
    Mutation(
        "the checksum of what a store keeps", "edge/record/stores/s3.py",
        'answer.headers.get("x-amz-checksum-sha256", content.checksum)', "content.checksum",
        tests("tests/faults/test_listed_store.py"),
    ),
    Mutation(
        "the check of names", "chalicelib/wire/names.py",
        '    _check("vhost", vhost)\n', "    return\n",
        tests("tests/unit/test_names.py tests/unit/test_wire.py tests/unit/test_domain.py"),
    ),
    Mutation(
        "the first segment without a hook", "edge/record/linker.py", "if session.last_segment is None or something",
        "if something", tests("tests/faults/test_found.py -k before_any_other"),
    ),
    Mutation(
        "one finisher a recording", "chalicelib/services/recordings/finishing.py", "if hold is None:", "if False:",
        tests("tests/faults/test_cloud_engine.py -k e10"),
    ),
)  # fmt: skip


def copy(folder: Path) -> None:
    """The tree as it is committed, and the environment."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
    (folder / ".venv").symlink_to(ROOT / ".venv")


def caught(folder: Path, mutation: Mutation) -> bool:
    """Whether the tests notice that it is gone."""
    file = folder / mutation.file
    before = file.read_text()
    assert mutation.old in before, f"{mutation.name}: the code has changed; change the mutation"
    file.write_text(before.replace(mutation.old, mutation.new))
    try:
        command = [sys.executable, *mutation.command.split()]
        env = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)
    finally:
        file.write_text(before)
    # pytest: 1 is a failed test, 5 is none found; anything else is no verdict.
    assert done.returncode in {0, 1}, f"{mutation.name}: {(done.stdout + done.stderr)[-1500:]}"
    return done.returncode == 1


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default="", help="those whose name holds this")
    given = arguments.parse_args()
    missed = []
    with tempfile.TemporaryDirectory(prefix="sluice-mutations-") as name:
        folder = Path(name)
        copy(folder)
        for mutation in MUTATIONS:
            if given.only in mutation.name:
                found = caught(folder, mutation)
                print(f"{'caught' if found else 'MISSED'}  {mutation.name}  ({mutation.command})", flush=True)
                report("mutation", name=mutation.name, caught=found, by=mutation.command)
                missed += [] if found else [mutation.name]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
