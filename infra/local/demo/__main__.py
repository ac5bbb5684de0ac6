"""`python -m infra.local.demo [--json]`."""

from __future__ import annotations

import sys

from infra.local.demo.run import main
from infra.terminal import print_anyway

if __name__ == "__main__":
    print_anyway()
    sys.exit(main(as_json="--json" in sys.argv[1:]))
