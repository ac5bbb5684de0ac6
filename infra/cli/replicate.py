"""`sluice replicate`: the database goes to a bucket as it is written, and comes back from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from infra.cli.client import Api, CliError
from infra.cli.data import home_of, in_words, tell_restored
from infra.cli.output import errors, facts, show_json
from infra.cli.stores import ask_keys, bucket_of
from infra.errors import InfraError
from infra.local import replication, sealed
from infra.local.replication import Target

if TYPE_CHECKING:
    from chalicelib.adapters.aws.s3 import S3Objects

app = typer.Typer(help="A copy of the database elsewhere, written along.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_VARIABLES = ("SLUICE_REPLICA_ACCESS_KEY", "SLUICE_REPLICA_SECRET_KEY")
_RESTORE_S = 3600.0


@app.command("set")
def replicate_set(
    target: Annotated[str, typer.Argument(help="s3://bucket/prefix")],
    endpoint: Annotated[str, typer.Option(help="The store's address; absent: Amazon S3.")] = "",
    region: Annotated[str, typer.Option(help="The bucket's region.")] = "us-east-1",
    path_style: Annotated[bool, typer.Option("--path-style/--host-style")] = True,
    force: Annotated[bool, typer.Option("--force", help="Over the copy of another installation.")] = False,
    as_json: Json = False,
) -> None:
    """Replicate the database there, from now on. Shows a recovery key once: without it nothing can be restored."""
    wanted = _target(target, endpoint, region, path_style=path_style)
    files = _own_files(home_of())
    _refuse_own_ports(wanted.endpoint, files["instance.json"])
    store = _tried(wanted)
    _refuse_foreign(store, files, force=force)
    key = sealed.new_recovery_key()
    store.write(sealed.NAME, sealed.seal(files, key), "application/json")
    replication.write_target(home_of(), wanted)
    if as_json:
        show_json({"target": wanted.url, "recovery_key": key})
        return
    facts([("target", wanted.url), ("recovery key", key)])
    errors.print(
        "Write the recovery key down and keep it away from this machine: it is shown this once, a former one does not "
        "fit any more, and `sluice restore --from` asks for it.",
        markup=False,
    )


def _target(url: str, endpoint: str, region: str, *, path_style: bool) -> Target:
    bucket, prefix = bucket_of(url)
    access, secret = ask_keys(_VARIABLES)
    return Target(bucket, prefix, endpoint.rstrip("/"), region, path_style, access, secret)


def _own_files(home: Path) -> dict[str, str]:
    try:
        return {name: (home / name).read_text() for name in ("master.key", "instance.json")}
    except OSError as error:
        raise CliError(f"There is no instance in {home} ({error.strerror}). Set SLUICE_HOME to its folder.") from None


def _refuse_own_ports(endpoint: str, instance: str) -> None:
    """The copy would lie on the machine that it is to outlive, and our ports are none of a store."""
    from chalicelib.adapters.own_ports import OwnPorts
    from chalicelib.domain.errors import InvalidInputError

    known = json.loads(instance)
    ports = {int(port) for port in known.get("ports", {}).values()}
    ports |= {port for port in (urlsplit(known.get("url", "")).port,) if port}
    try:
        OwnPorts(ports).refuse(endpoint)
    except (InvalidInputError, ValueError) as error:
        raise CliError(str(error)) from None


def _described(target: Target) -> Any:
    from chalicelib.domain.errors import InvalidInputError
    from chalicelib.domain.model.stores import ObjectStore
    from chalicelib.domain.stores import check_store

    made = ObjectStore(
        id="replica", endpoint=target.endpoint, region=target.region, bucket=target.bucket, prefix=target.prefix,
        path_style=target.path_style, access_key=target.access_key, secret_key=target.secret_key,
    )  # fmt: skip
    try:
        check_store(made)
    except InvalidInputError as error:
        raise CliError(str(error)) from None
    return made


def _opened(target: Target) -> S3Objects:
    from chalicelib.adapters.aws.s3_client import open_store

    return open_store(_described(target))


def _tried(target: Target) -> S3Objects:
    """The bucket, once it was tried out."""
    from chalicelib.adapters.aws.s3_probe import probe

    result = probe(_described(target))
    if result.failed is not None:
        raise CliError(f"The store failed at the step {result.failed}: {result.words}.")
    return _opened(target)


def _refuse_foreign(store: S3Objects, files: dict[str, str], *, force: bool) -> None:
    from chalicelib.domain.errors import NotFoundError

    try:
        there = sealed.installation_of(store.read(sealed.NAME))
    except NotFoundError:
        return
    if there != sealed.fingerprint(files) and not force:
        raise CliError("There is the copy of another installation. Name another prefix, or use --force to replace it.")
    if there != sealed.fingerprint(files):
        store.delete_prefix("database/")


@app.command("show")
def replicate_show(as_json: Json = False) -> None:
    """Where the database is replicated to, and how that goes."""
    try:
        target = replication.read_target(home_of())
    except InfraError as error:
        raise in_words(error) from None
    if target is None:
        view: dict[str, Any] = {"target": None, "state": "off"}
    else:
        view = {"target": target.url, "endpoint": target.endpoint, "region": target.region} | _state()
    if as_json:
        show_json(view)
    else:
        facts([(name.replace("_", " "), value) for name, value in view.items()])


def _state() -> dict[str, Any]:
    try:
        found = Api.from_environment().call("GET", "/v1/system")["replication"]
    except CliError as error:
        return {"state": f"not known: {error}"}
    names = ("state", "lag_s", "synced_at", "error")
    return {name: found[name] for name in names} if found else {"state": "starting"}


@app.command("off")
def replicate_off(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False, as_json: Json = False
) -> None:
    """Replicate no more. What is there stays there."""
    if not yes:
        typer.confirm("From now on, the copy does not follow any more. Go on?", abort=True, err=True)
    (home_of() / replication.FILE).unlink(missing_ok=True)
    if as_json:
        show_json({"state": "off"})
    else:
        errors.print("the database is not replicated any more", markup=False)


# coming back


def restore_from(url: str, endpoint: str, region: str, *, path_style: bool, as_json: bool) -> None:
    """Bring the instance of a replica back into a folder that has none.

    Raises:
        CliError: it can't be; says why, and nothing is there that was not before.
    """
    from infra.local.data import check_core, fresh_join_token, put_in_place, refuse_data, staging

    home = home_of()
    try:
        refuse_data(home)
        target = _target(url, endpoint, region, path_style=path_style)
        files = sealed.unseal(_sealed(target), _recovery_key())
        with staging(home) as folder:
            _fetch(target, folder)
            for name in ("master.key", "instance.json"):
                (folder / name).write_text(files[name])
            items = check_core(folder)
            fresh_join_token(folder)
            put_in_place(folder, home)
    except InfraError as error:
        raise in_words(error) from None
    tell_restored(items, 0, as_json=as_json)


def _sealed(target: Target) -> bytes:
    from chalicelib.domain.errors import NotFoundError, SluiceError

    try:
        return _opened(target).read(sealed.NAME)
    except NotFoundError:
        raise CliError(f"There is no replica at {target.url}.") from None
    except SluiceError as error:
        raise CliError(f"{error}.") from None


def _recovery_key() -> str:
    given = os.environ.get("SLUICE_RECOVERY_KEY")
    if given:
        return given
    if not sys.stdin.isatty():
        raise CliError("Give the recovery key in SLUICE_RECOVERY_KEY, or run this in a terminal.")
    return str(typer.prompt("Recovery key", err=True))


def _fetch(target: Target, folder: Path) -> None:
    """Have Litestream put the database together."""
    database, config = folder / "sluice.sqlite3", folder / "replication.json"
    made = replication.configuration(target, database)
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made, file)
    argv = replication.argv_of(
        replication.find_litestream(), "restore", "-integrity-check", "full", str(database), config=config
    )
    env = replication.environment_of(dict(os.environ))
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=_RESTORE_S, check=False)
    except subprocess.TimeoutExpired:
        raise CliError("The replica did not come in an hour; try again.") from None
    config.unlink()
    if done.returncode or not database.exists():
        raise CliError(f"The replica can't be restored: {_last_words(done.stderr or done.stdout)}")


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    line = lines[-1] if lines else "Litestream says nothing"
    try:
        found = json.loads(line)
        return str(found.get("error") or found.get("msg"))[:300]
    except ValueError:
        return line[:300]
