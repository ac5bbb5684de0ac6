"""`sluice backup`, `restore`, `settings export|import`: the data of an instance, kept and brought back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import errors, show_json, size
from infra.errors import InfraError

settings = typer.Typer(help="Settings, rooms, destinations and sources as one document.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def home_of() -> Path:
    """The folder of the instance on this machine."""
    return Path(os.environ.get("SLUICE_HOME") or "data").expanduser().absolute()


def in_words(error: InfraError) -> CliError:
    """As the command line shows it."""
    return CliError(f"{error} {error.hint}".strip())


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    with_objects: Annotated[bool, typer.Option("--with-objects", help="The recordings of the folder, too.")] = False,
    as_json: Json = False,
) -> None:
    """Write the whole instance of this machine into an archive, while it runs. It holds the keys: keep it safe."""
    from infra.local.archive import make_backup

    try:
        done = make_backup(home_of(), file.expanduser().absolute(), with_objects=with_objects)
    except InfraError as error:
        raise in_words(error) from None
    if as_json:
        show_json({"file": done.file, "bytes": done.bytes, "items": done.items, "objects": done.objects})
        return
    more = f" and {done.objects} files of recordings" if with_objects else ""
    errors.print(f"{done.file} ({size(done.bytes)}) holds {done.items} items{more}; only you can read it", markup=False)


def restore(
    file: Annotated[Path | None, typer.Argument(help="An archive of `sluice backup`.")] = None,
    source: Annotated[str, typer.Option("--from", help="A replica instead: s3://bucket/prefix.")] = "",
    endpoint: Annotated[str, typer.Option(help="The store's address; absent: Amazon S3.")] = "",
    region: Annotated[str, typer.Option(help="The bucket's region.")] = "us-east-1",
    path_style: Annotated[bool, typer.Option("--path-style/--host-style")] = True,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring a whole instance back into a folder that has none, from an archive or from its replica. A document of
    settings is written over those that are there.
    """
    if (file is None) == (not source):
        raise CliError("Name an archive, or a replica with --from s3://bucket/prefix.")
    if file is None:
        from infra.cli.replicate import restore_from

        restore_from(source, endpoint, region, path_style=path_style, as_json=as_json)
    elif _is_document(file):
        import_settings(file, yes=yes, as_json=as_json)
    else:
        _restore_archive(file, as_json=as_json)


def _is_document(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(64).lstrip().startswith(b"{")
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.") from None


def _restore_archive(file: Path, *, as_json: bool) -> None:
    from infra.local.archive import restore_backup

    try:
        done = restore_backup(file, home_of())
    except InfraError as error:
        raise in_words(error) from None
    tell_restored(done.items, done.objects, as_json=as_json)


def tell_restored(items: int, objects: int, *, as_json: bool) -> None:
    """Say what is back."""
    if as_json:
        show_json({"items": items, "objects": objects, "home": str(home_of())})
    else:
        more = f" and {objects} files of recordings" if objects else ""
        errors.print(f"{items} items{more} are back in {home_of()}; start it with `make run`", markup=False)


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises:
        CliError: there is a file of that name, or it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
    except FileExistsError:
        raise CliError(f"{path} exists; name another file.") from None
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from None


@settings.command("export")
def export_settings(file: Annotated[Path, typer.Argument(help="The file to write.")], as_json: Json = False) -> None:
    """Write settings, rooms, destinations and sources, secrets included, into a file that only you can read."""
    copy = Api.from_environment().call("GET", "/v1/backup")
    write_private(file, json.dumps(copy, indent=1, ensure_ascii=False).encode())
    if as_json:
        show_json({"file": str(file)})
    else:
        numbers = f"{len(copy['destinations'])} destinations and {len(copy['rooms'])} rooms"
        errors.print(f"{file} holds {numbers}", markup=False)


@settings.command("import")
def import_settings(
    file: Annotated[Path, typer.Argument(help="A file that `sluice settings export` wrote.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Write the settings of a document over what is there; what it does not name stays."""
    copy = _read(file)
    if not yes:
        typer.confirm(f"Replace the settings by those of {copy.get('made_at', file)}?", abort=True, err=True)
    done = Api.from_environment().call("POST", "/v1/restore", copy)
    if as_json:
        show_json(done)
    else:
        errors.print(f"{done['written']} settings, rooms, destinations and sources are back", markup=False)


def _read(file: Path) -> dict[str, Any]:
    try:
        copy = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise CliError(f"{file} is no backup: it is not JSON.") from None
    if not isinstance(copy, dict):
        raise CliError(f"{file} is no backup.")
    return copy
