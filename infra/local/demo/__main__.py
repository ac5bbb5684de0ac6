"""`python -m infra.local.demo [--json]`."""

from __future__ import annotations

import sys

from infra.local.demo.run import main

if __name__ == "__main__":
    sys.exit(main(as_json="--json" in sys.argv[1:]))
