"""`sluice store`: where recordings are kept."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import facts, show_json, table

app = typer.Typer(help="Where recordings are kept: the folder, or buckets.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Force = Annotated[bool, typer.Option("--force", help="Although recordings can't be read any more.")]
Endpoint = Annotated[str, typer.Option(help="The store's address; absent: Amazon S3.")]
Region = Annotated[str, typer.Option(help="The bucket's region; `auto` where there are none.")]
PathStyle = Annotated[
    bool, typer.Option("--path-style/--host-style", help="Whether the bucket is in the path or in the host name.")
]
Id = Annotated[str, typer.Option("--id", help="A name for the store; made up when absent.")]
_PATH = "/v1/settings/store"


def bucket_of(url: str) -> tuple[str, str]:
    """(bucket, prefix) of `s3://bucket/prefix`.

    Raises:
        CliError: it is no such URL.
    """
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket:
        raise CliError(f"{url} names no bucket; write s3://bucket or s3://bucket/prefix.")
    return bucket, prefix.strip("/")


def ask_keys(variables: tuple[str, str] = ("SLUICE_STORE_ACCESS_KEY", "SLUICE_STORE_SECRET_KEY")) -> tuple[str, str]:
    """(access key, secret key): from the environment, two lines of standard input, or the keyboard. Never from
    arguments, which everybody on the machine can read.

    Raises:
        CliError: there are none.
    """
    given = tuple(os.environ.get(name, "") for name in variables)
    if all(given):
        return given[0], given[1]
    if sys.stdin.isatty():
        access = typer.prompt("Access key", err=True)
        return access, typer.prompt("Secret key", hide_input=True, err=True)
    lines = [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
    if len(lines) != 2:
        raise CliError(f"Give the keys in {variables[0]} and {variables[1]}, or as two lines of standard input.")
    return lines[0], lines[1]


def _described(url: str, endpoint: str, region: str, name: str, *, path_style: bool) -> dict[str, Any]:
    bucket, prefix = bucket_of(url)
    access, secret = ask_keys()
    return {
        "id": name, "bucket": bucket, "prefix": prefix, "endpoint": endpoint, "region": region,
        "path_style": path_style, "access_key": access, "secret_key": secret,
    }  # fmt: skip


@app.command("set")
def store_set(
    target: Annotated[str, typer.Argument(help="s3://bucket/prefix, or the id of a store that is known (folder).")],
    endpoint: Endpoint = "",
    region: Region = "us-east-1",
    path_style: PathStyle = True,
    name: Id = "",
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Have new recordings go there, once it was tried out. Old ones stay readable where they are."""
    body: dict[str, Any] = {"current": target}
    if "://" in target:
        described = _described(target, endpoint, region, name, path_style=path_style)
        body = {"store": described, "force": force}
    _show(Api.from_environment().call("PATCH", _PATH, body), as_json=as_json)


@app.command("test")
def store_test(
    target: Annotated[str, typer.Argument(help="s3://bucket/prefix, or an id; absent: the current store.")] = "",
    endpoint: Endpoint = "",
    region: Region = "us-east-1",
    path_style: PathStyle = True,
    as_json: Json = False,
) -> None:
    """Write, read, list and delete a small object there."""
    body: dict[str, Any] = {"id": target}
    if "://" in target:
        body = {"store": _described(target, endpoint, region, "", path_style=path_style)}
    found = Api.from_environment().call("POST", f"{_PATH}/test", body)
    if as_json:
        show_json(found)
    else:
        said = "it works" if found["ok"] else f"failed at the step {found['failed']}: {found['words']}"
        facts([("store", said), *(("note", note) for note in found["notes"])])
    raise typer.Exit(0 if found["ok"] else 1)


@app.command("show")
def store_show(as_json: Json = False) -> None:
    """The store that takes new recordings."""
    found = Api.from_environment().call("GET", _PATH)
    current = next(store for store in found["stores"] if store["current"])
    if as_json:
        show_json(current)
    else:
        facts([(name.replace("_", " "), value) for name, value in current.items() if name != "current"])


@app.command("list")
def store_list(as_json: Json = False) -> None:
    """All stores, and how many recordings each holds."""
    _show(Api.from_environment().call("GET", _PATH), as_json=as_json)


@app.command("remove")
def store_remove(
    store: Annotated[str, typer.Argument(help="The store's id.")],
    yes: Yes = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Forget a store; what lies in it stays there."""
    if not yes:
        typer.confirm(f"Forget the store {store}?", abort=True, err=True)
    _show(Api.from_environment().call("DELETE", f"{_PATH}/{store}", {"force": force}), as_json=as_json)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    rows = [
        ["*" if s["current"] else "", s["id"], s["bucket"] + (f"/{s['prefix']}" if s["prefix"] else ""),
         s["endpoint"], s["region"], s["recordings"]]
        for s in found["stores"]
    ]  # fmt: skip
    table(["NOW", "ID", "BUCKET", "ENDPOINT", "REGION", "RECORDINGS"], rows, "")
