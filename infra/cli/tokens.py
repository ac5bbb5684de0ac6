"""`sluice tokens` and `sluice audit`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import errors, facts, show_json, table

app = typer.Typer(help="Tokens of the management API.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name of your choice; the audit shows it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="read, operate (kick, switch, send again) or admin; of a part only: operate:destinations, "
            "admin:rooms/<id>, operate:streams/live/*. May be repeated; read when absent."
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=0, max=3650, help="How long it lives; 0: until it is revoked.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown this once."""
    ends = {"expires_at": (datetime.now(UTC) + timedelta(days=days)).isoformat()} if days else {}
    _make({"name": name, "scope": " ".join(scope or ["read"])} | ends, as_json=as_json)


def _make(body: dict[str, str], *, as_json: bool) -> None:
    made = Api.from_environment().call("POST", "/v1/tokens", body)
    if as_json:
        show_json(made)
    else:
        facts([(k.replace("_", " "), made[k]) for k in ("id", "name", "kind", "scope", "expires_at", "token")])


@app.command()
def support(
    name: Annotated[str, typer.Argument(help="Who it is for; the list shows it.")],
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long it lives.")] = 24,
    as_json: Json = False,
) -> None:
    """Make a token for whoever helps you: it reads everything, sees no secret and ends by itself."""
    ends = (datetime.now(UTC) + timedelta(hours=hours) - timedelta(minutes=1)).isoformat()
    _make({"name": name, "kind": "support", "expires_at": ends}, as_json=as_json)


@app.command("list")
def list_(as_json: Json = False, limit: Limit = 100) -> None:
    """The tokens, with their last use."""
    items = list(Api.from_environment().items("/v1/tokens", limit))
    if as_json:
        show_json(items)
        return
    rows = [
        [t["name"], t["id"], t["kind"], t["scope"], t["created_at"], t["expires_at"], t["last_used"]] for t in items
    ]
    empty = "No tokens. Make one: sluice tokens create NAME --scope read"
    table(["NAME", "ID", "KIND", "SCOPE", "CREATED", "EXPIRES", "LAST USED"], rows, empty)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The token's name or id.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """End a token at once."""
    api = Api.from_environment()
    items = list(api.items("/v1/tokens", 10_000))
    found = [t for t in items if t["id"] == token] or [t for t in items if t["name"] == token]
    if len(found) != 1:
        problem = "No token is" if not found else "Several tokens are"
        raise CliError(f"{problem} called {token}; `sluice tokens list` shows them with their ids.")
    if not yes:
        typer.confirm(f"Revoke the token {found[0]['name']}?", abort=True, err=True)
    api.call("DELETE", f"/v1/tokens/{quote(found[0]['id'], safe='')}")
    if as_json:
        show_json({"revoked": found[0]["id"]})
    else:
        errors.print(f"revoked {found[0]['name']}", markup=False)


def audit(as_json: Json = False, limit: Limit = 50) -> None:
    """Who changed what, from where; newest first."""
    items = list(Api.from_environment().items("/v1/audit", limit))
    if as_json:
        show_json(items)
        return
    rows = [[e["at"], e["who"], e["address"], e["action"], e["path"], _outcome(e), _short(e["fields"])] for e in items]
    table(["AT", "WHO", "FROM", "ACTION", "PATH", "OUTCOME", "SENT"], rows, "Nothing has been changed yet.")


def _outcome(entry: dict[str, Any]) -> str:
    return entry["outcome"] if entry["outcome"] in ("done", "begun") else f"{entry['outcome']} ({entry['status']})"


def _short(fields: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in fields.items())[:120]
