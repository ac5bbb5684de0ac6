"""Runs seeds and prints one JSON line for each."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from . import story
from .nodes import Nodes

WORLDS = {"edge": story.Story, "nodes": Nodes}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", default="1-10", help="first-last")
    arguments.add_argument("--trace", action="store_true", help="print what happens")
    arguments.add_argument("--world", choices=list(WORLDS), default="edge")
    arguments.add_argument("--until-bad", action="store_true", help="end with the first seed that breaks something")
    given = arguments.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of names would have another order in each process.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {"PYTHONHASHSEED": "0"})
    first, _, last = given.seeds.partition("-")
    bad = 0
    for seed in range(int(first), int(last or first) + 1):
        outcome = story.run(seed, trace=given.trace, kind=WORLDS[given.world])
        bad += bool(outcome.violations)
        print(json.dumps(asdict(outcome)), flush=True)
        if bad and given.until_bad:
            break
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
