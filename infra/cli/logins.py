"""`sluice logins`, `sluice api-secret`, `sluice sign-in-link`: who is in, and by what."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from infra.cli.client import Api
from infra.cli.output import errors, facts, show_json, table

app = typer.Typer(help="Who is logged in.", no_args_is_help=True)
api_secret = typer.Typer(help="The API secret: a bearer with all rights.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """The logins that hold, newest first."""
    items = Api.from_environment().call("GET", "/v1/logins")["items"]
    if as_json:
        show_json(items)
        return
    rows = [[i["id"], i["kind"], i["address"], i["created_at"], i["last_used"], i["expires_at"]] for i in items]
    table(["ID", "BY", "FROM", "SINCE", "LAST USED", "EXPIRES"], rows, "Nobody is logged in.")


@app.command()
def end(
    login: Annotated[str, typer.Argument(help="The login's id; 'all' for every one.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """End a login at once, or all of them."""
    if not yes:
        typer.confirm(f"End {'all logins' if login == 'all' else 'the login'}?", abort=True, err=True)
    Api.from_environment().call("DELETE", "/v1/logins" + ("" if login == "all" else f"/{quote(login, safe='')}"))
    if as_json:
        show_json({"ended": login})
    else:
        errors.print(f"ended {login}", markup=False)


def sign_in_link(as_json: Json = False) -> None:
    """A link that signs in to the console once, within 15 minutes."""
    api = Api.from_environment()
    made = api.call("POST", "/v1/sign-in-links")
    link = {"url": api.url + made["path"], "expires_at": made["expires_at"]}
    if as_json:
        show_json(link)
    else:
        facts([("open", link["url"]), ("until", link["expires_at"])])


@api_secret.command("show")
def show(as_json: Json = False) -> None:
    """The API secret."""
    found = Api.from_environment().call("GET", "/v1/api-secret")
    if as_json:
        show_json(found)
    else:
        facts([("api secret", found["secret"])])


@api_secret.command("rotate")
def rotate(
    grace: Annotated[int, typer.Option(min=0, max=604_800, help="Seconds for which the old one is still good.")] = 0,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a new API secret, and tell it to your clients. `sluice` on the machine itself needs none."""
    if not yes:
        when = f"in {grace} seconds" if grace else "now"
        typer.confirm(f"The old API secret ends {when}, for every client. Go on?", abort=True, err=True)
    api = Api.from_environment()
    fresh = api.call("POST", "/v1/api-secret", {"grace_s": grace})["secret"]
    if as_json:
        show_json({"secret": fresh})
    else:
        facts([("api secret", fresh)])
