"""`sluice recordings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from infra.cli.client import Api, CliError
from infra.cli.output import console, errors, facts, length, show_json, size, table

app = typer.Typer(help="The recordings.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Recording = Annotated[str, typer.Argument(help="The recording's id, or its unambiguous beginning.")]


def find(api: Api, beginning: str) -> dict[str, Any]:
    """The recording whose id begins so.

    Raises:
        CliError: there is none, or several.
    """
    if len(beginning) == 36:
        return dict(api.call("GET", f"/v1/recordings/{quote(beginning, safe='')}"))
    places: tuple[dict[str, str], ...] = ({}, {"trashed": "true"}, {"unremoved": "true"})
    every = [r for place in places for r in api.items("/v1/recordings", 1000, **place)]
    found = list({r["id"]: r for r in every if r["id"].startswith(beginning)}.values())
    if len(found) != 1:
        raise CliError(f"{'No' if not found else 'More than one'} recording's id begins with {beginning}.")
    return found[0]


@app.command("list")
def list_(
    as_json: Json = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 30,
    search: Annotated[str, typer.Option("--search", help="Only with this in the stream's name or the title.")] = "",
    state: Annotated[str, typer.Option("--state", help="recording, finishing, ready or failed.")] = "",
    trashed: Annotated[bool, typer.Option("--trashed", help="Those in the trash instead.")] = False,
    unremoved: Annotated[
        bool, typer.Option("--unremoved", help="Those that could not be removed instead, and why.")
    ] = False,
) -> None:
    """All recordings, newest first."""
    asked = {"q": search, "state": state, "trashed": "true" if trashed else ""}
    asked["unremoved"] = "true" if unremoved else ""
    wanted = {name: value for name, value in asked.items() if value}
    items = list(Api.from_environment().items("/v1/recordings", limit, **wanted))
    if as_json:
        show_json(items)
        return
    if unremoved:
        _show_unremoved(items)
        return
    rows = [
        [r["id"], r["stream"], r["state"], r["started_at"], length(r["duration_ms"]), size(r["bytes"]), r["gaps"] or ""]
        for r in items
    ]
    columns = ["ID", "STREAM", "STATE", "STARTED", "LENGTH", "SIZE", "GAPS"]
    table(columns, rows, "Nothing was recorded yet. Streams are recorded when the record policy matches them.")


def _show_unremoved(items: list[dict[str, Any]]) -> None:
    gone = [(r["id"], r["stream"], r["removal"]) for r in items]
    rows = [[i, s, r["tries"], r["at"], r["next_at"] or "given up", r["error"]] for i, s, r in gone]
    table(["ID", "STREAM", "TRIES", "LAST", "NEXT", "WHY"], rows, "Nothing failed to be removed.")


@app.command()
def show(recording: Recording, as_json: Json = False) -> None:
    """One recording, with its proof when it is finished."""
    api = Api.from_environment()
    found = find(api, recording)
    if found["state"] == "ready":
        found["manifest"] = api.call("GET", f"/v1/recordings/{found['id']}/manifest")
    if as_json:
        show_json(found)
        return
    shown = [(k, v) for k, v in found.items() if k not in ("manifest", "vhost", "app", "name")]
    facts(shown)
    segments = found.get("manifest", {}).get("segments", [])
    rows = [[s["index"], length(s["duration_ms"]), size(s["bytes"]), s["sha256"]] for s in segments]
    if rows:
        console.print()
        table(["SEGMENT", "LENGTH", "SIZE", "SHA-256"], rows, "")


@app.command()
def url(
    recording: Recording,
    expires: Annotated[int, typer.Option(help="Seconds until the links expire.")] = 86400,
    label: Annotated[str, typer.Option("--label", help="Whom they are for, as they are listed.")] = "",
    as_json: Json = False,
) -> None:
    """Links that play the recording for anyone until they expire."""
    api = Api.from_environment()
    found = find(api, recording)
    share = api.call("POST", f"/v1/recordings/{found['id']}/shares", {"expires_s": expires, "label": label})
    paths = {name: path for name, path in share["links"].items() if isinstance(path, str)}
    # Where one MP4 can't hold the whole, the others follow.
    paths |= {f"mp4-{n}": path for n, path in enumerate(share["links"].get("mp4s", []), 1) if n > 1}
    links = {name: api.url + path for name, path in paths.items()}
    if as_json:
        show_json({"links": links, "expires_at": share["expires_at"]})
    else:
        for name, link in [*links.items(), ("expires", share["expires_at"])]:
            print(f"{name:<10}{link}")


@app.command()
def download(
    recording: Recording,
    to: Annotated[Path | None, typer.Option(help="The file to write; default: <id>.mp4 here.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite.")] = False,
    as_json: Json = False,
) -> None:
    """Download the MP4."""
    api = Api.from_environment()
    found = find(api, recording)
    if found["state"] != "ready":
        raise CliError(f"The recording is not finished (it is {found['state']}); try again later.")
    target = to or Path(f"{found['id']}.mp4")
    if target.exists() and not force:
        raise CliError(f"{target} exists. Use --force to overwrite it or --to to name another file.")
    share = api.call("POST", f"/v1/recordings/{found['id']}/links")
    paths = share["links"].get("mp4s") or [share["links"]["mp4"]]
    made = [
        target.with_name(f"{target.stem}{f'-{n}' if n > 1 else ''}{target.suffix}") for n in range(1, len(paths) + 1)
    ]
    for path, file in zip(paths, made, strict=True):
        _save(api, path, file)
    if as_json:
        show_json({"file": str(target), "files": [str(f) for f in made], "bytes": sum(f.stat().st_size for f in made)})
    else:
        for file in made:
            print(file)


def _save(api: Api, path: str, target: Path) -> None:
    """Write beside the target and rename, so that a broken download is never taken for a whole one."""
    partial = target.with_name(target.name + ".part")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        with partial.open("wb") as out, Progress(*columns, console=errors, transient=True) as progress:
            task = progress.add_task("download", total=None)
            for chunk, total in api.download(path):
                out.write(chunk)
                progress.update(task, advance=len(chunk), total=total or None)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@app.command()
def settings(
    open_: Annotated[
        bool | None, typer.Option("--open/--closed", help="Whether who knows an id may read without credentials.")
    ] = None,
    link_days: Annotated[int | None, typer.Option(min=1, max=30, help="How long links in callbacks live.")] = None,
    trash_days: Annotated[int | None, typer.Option(min=1, max=90, help="How long the trash keeps them.")] = None,
    retention_days: Annotated[
        int | None, typer.Option(min=0, max=3650, help="After how long they go to the trash; 0: never.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is recorded, for how long it is kept, and who may read it; with an option, change that."""
    given = {"open_recordings": open_, "link_days": link_days}
    given |= {"trash_days": trash_days, "retention_days": retention_days}
    changes = {name: value for name, value in given.items() if value is not None}
    api = Api.from_environment()
    found = api.call("PATCH" if changes else "GET", "/v1/settings/record", changes or None)
    if as_json:
        show_json(found)
    else:
        facts([(name.replace("_", " "), value) for name, value in found.items() if name != "version"])


@app.command()
def finish(
    recording: Recording,
    force: Annotated[bool, typer.Option("--force", help="Without what its nodes have not uploaded.")] = False,
    as_json: Json = False,
) -> None:
    """Finish a recording again; with --force one whose node does not come back."""
    api = Api.from_environment()
    found = find(api, recording)
    api.call("POST", f"/v1/recordings/{found['id']}/finish", {"force": force})
    if as_json:
        show_json({"finishing": found["id"]})
    else:
        errors.print(f"finishing {found['id']}", markup=False)


def _done(recording: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        show_json({said: recording["id"]})
    else:
        errors.print(f"{said} {recording['id']}", markup=False)


@app.command()
def edit(
    recording: Recording,
    title: Annotated[str | None, typer.Option("--title", help="As it is shown.")] = None,
    keep: Annotated[bool | None, typer.Option("--keep/--no-keep", help="Keep it whatever its age.")] = None,
    as_json: Json = False,
) -> None:
    """Give a recording a title, or have it kept for good."""
    api = Api.from_environment()
    found = find(api, recording)
    changes = {name: value for name, value in {"title": title, "keep": keep}.items() if value is not None}
    if not changes:
        raise CliError("Nothing is to change; give --title or --keep.")
    api.call("PATCH", f"/v1/recordings/{found['id']}", changes)
    _done(found, "changed", as_json=as_json)


@app.command()
def shares(recording: Recording, as_json: Json = False) -> None:
    """The links to a recording that were given out."""
    api = Api.from_environment()
    items = api.call("GET", f"/v1/recordings/{find(api, recording)['id']}/shares")["items"]
    if as_json:
        show_json(items)
        return
    rows = [[s["id"], s["label"], s["created_at"], s["expires_at"]] for s in items]
    table(["ID", "FOR", "MADE", "EXPIRES"], rows, "No links. Make one: sluice recordings url …")


@app.command()
def revoke(recording: Recording, share: Annotated[str, typer.Argument(help="The link's id.")]) -> None:
    """End a link: whoever has it is refused from now on."""
    api = Api.from_environment()
    found = find(api, recording)
    api.call("DELETE", f"/v1/recordings/{found['id']}/shares/{quote(share, safe='')}")
    errors.print(f"revoked {share}", markup=False)


@app.command()
def delete(
    recording: Recording,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Move a recording to the trash; `restore` takes it back."""
    api = Api.from_environment()
    found = find(api, recording)
    if not yes:
        typer.confirm(f"Move the recording {found['id']} of {found['stream']} to the trash?", abort=True, err=True)
    api.call("DELETE", f"/v1/recordings/{found['id']}")
    _done(found, "deleted", as_json=as_json)


@app.command()
def restore(recording: Recording, as_json: Json = False) -> None:
    """Take a recording out of the trash."""
    api = Api.from_environment()
    found = find(api, recording)
    api.call("POST", f"/v1/recordings/{found['id']}/restore")
    _done(found, "restored", as_json=as_json)


@app.command()
def purge(
    recording: Recording,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a recording of the trash, and all its files, for good; or try that again (see `list --unremoved`)."""
    api = Api.from_environment()
    found = find(api, recording)
    if not yes:
        typer.confirm(f"Remove the recording {found['id']} of {found['stream']} for good?", abort=True, err=True)
    api.call("POST", f"/v1/recordings/{found['id']}/purge")
    _done(found, "purged", as_json=as_json)
