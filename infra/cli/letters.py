"""`sluice dead-letters`: what was given up, until somebody looks after it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, show_json, table

app = typer.Typer(help="Work that was given up.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Letter = Annotated[str, typer.Argument(help="Its id, or `all`.")]
_PATH = "/v1/dead-letters"


@app.command("list")
def list_letters(as_json: Json = False) -> None:
    """What was given up, the newest first."""
    items = list(Api.from_environment().items(_PATH, ALL))
    if as_json:
        show_json(items)
        return
    rows = [[e["id"], e["origin"], e["subject"], e["at"], e["tries"], e["error"]] for e in items]
    table(["ID", "FROM", "ABOUT", "AT", "TRIES", "ERROR"], rows, "Nothing was given up.")


@app.command()
def redrive(letter: Letter, as_json: Json = False) -> None:
    """Have it tried again, from the first try on."""
    api = Api.from_environment()
    _tell("redriven", [_call(api, "POST", name, "/redrive") for name in _named(api, letter)], as_json=as_json)


@app.command()
def drop(letter: Letter, yes: Yes = False, as_json: Json = False) -> None:
    """Forget it. What it was to do is not done."""
    if not yes:
        typer.confirm("What it was to do will not be done. Go on?", abort=True, err=True)
    api = Api.from_environment()
    _tell("dropped", [_call(api, "DELETE", name, "") for name in _named(api, letter)], as_json=as_json)


def _named(api: Api, letter: str) -> list[str]:
    if letter != "all":
        return [letter]
    found = [str(e["id"]) for e in api.items(_PATH, ALL)]
    if not found:
        raise CliError("Nothing was given up.")
    return found


def _call(api: Api, method: str, letter: str, rest: str) -> str:
    api.call(method, f"{_PATH}/{quote(letter, safe='')}{rest}")
    return letter


def _tell(what: str, letters: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json({what: letters})
    else:
        errors.print(f"{what} {', '.join(letters)}", markup=False)
