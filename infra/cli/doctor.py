"""`sluice doctor`: what is not ready, and how to mend it. It asks what runs, and does not guess from its own shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from infra.cli import here
from infra.cli.client import Api, CliError
from infra.cli.findings import Finding
from infra.cli.output import console, printable, show_json

_GOOD, _WARNS, _BAD = "[green]✓[/green]", "[yellow]![/yellow]", "[red]✗[/red]"
_OF: Final = {"node": "node", "destination": "destination", "data": "", "installation": "nodes"}


def told(found: dict[str, Any]) -> Finding:
    """A finding of `GET /v1/readiness`, whose rules are the API's own (`chalicelib.domain.readiness`)."""
    what = f"{_OF.get(found['of'], found['of'])} {found['name']}".strip() or found["of"]
    level = found["level"]
    return Finding(what, level != "bad", found["said"], found["hint"], warns=level == "warn")


def _cloud() -> Iterator[Finding]:
    try:
        api = Api.from_environment()
        api.call("GET", "/v1/health")
        ready = api.call("GET", "/v1/readiness")
    except CliError as error:
        yield Finding("API", False, "not ready", str(error))
        return
    yield Finding("API", True, api.url)
    yield from map(told, ready["findings"])


def findings() -> list[Finding]:
    """Everything that was looked at: the instance of this machine, unless another is named, then what its API says."""
    elsewhere = os.environ.get("SLUICE_URL") and os.environ.get("SLUICE_TOKEN")
    home = Path(os.environ.get("SLUICE_HOME") or "data").absolute()
    return [*([] if elsewhere else here.findings(home)), *_cloud()]


def run(*, as_json: bool) -> int:
    """Look, tell, and return the exit status: 0 when nothing is in the way, whatever is warned of."""
    found = findings()
    if as_json:
        show_json([asdict(f) for f in found])
    else:
        for f in found:
            mark = _WARNS if f.warns else _GOOD if f.ok else _BAD
            console.print(f"{mark} {escape(printable(f'{f.what}: {f.said}'))}", highlight=False, soft_wrap=True)
            if f.hint:
                console.print(f"    {f.hint}", style="dim", markup=False, highlight=False, soft_wrap=True)
    return 0 if all(f.ok for f in found) else 1
