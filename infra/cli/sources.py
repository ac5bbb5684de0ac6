"""`sluice sources`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.client import ALL, Api, CliError
from infra.cli.output import errors, facts, show_json, table
from infra.cli.uploads import Told, Upload

app = typer.Typer(help="What is played to a target: files, streams, cameras, transcodes.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Source = Annotated[str, typer.Argument(help="The source's name or id.")]
Target = Annotated[
    str, typer.Argument(help="rtmp://, rtmps:// or srt:// URL, stream key included; with --key, the server alone.")
]
Key = Annotated[
    str,
    typer.Option("--key", help="The stream key, apart from the server: as the platform shows it. -: it is asked for."),
]
Name = Annotated[str, typer.Argument(help="A name of your choice.")]
User = Annotated[str, typer.Option("--user", help="Of an rtsp or http(s) URL, apart from it; nothing is encoded.")]
Password = Annotated[str, typer.Option("--password", help="Its password; without this option it is asked for.")]
OnNode = Annotated[str, typer.Option("--node", help="Where it runs; needed when there are several nodes.")]
Disabled = Annotated[bool, typer.Option("--disabled", help="Add it without playing yet.")]


def find(api: Api, name: str) -> dict[str, Any]:
    """The source of that name or id.

    Raises:
        CliError: there is none, or several have the name.
    """
    items = list(api.items("/v1/sources", ALL))
    found = [s for s in items if s["id"] == name] or [s for s in items if s["name"] == name]
    if len(found) != 1:
        problem = "No source is" if not found else "Several sources are"
        raise CliError(f"{problem} called {name}; `sluice sources list` shows them with their ids.")
    return dict(found[0])


def _by_url(url: str, user: str, password: str) -> dict[str, str]:
    """An input, with the password asked for where there is a user and none was given."""
    if not user:
        return {"url": url} | ({"password": password} if password else {})
    return {"url": url, "user": user, "password": password or typer.prompt("Password", hide_input=True, err=True)}


def _target(url: str, key: str) -> dict[str, str]:
    """Where it is played to: a whole URL, or a server with the key that was given, or is asked for."""
    if not key:
        return {"url": url}
    return {"server": url, "key": typer.prompt("Stream key", hide_input=True, err=True) if key == "-" else key}


def _add(body: dict[str, Any], node: str, *, disabled: bool, as_json: bool) -> None:
    body |= {"enabled": not disabled} | ({"node": node} if node else {})
    new = Api.from_environment().call("POST", "/v1/sources", body)
    if as_json:
        show_json(new)
    else:
        facts([("id", new["id"]), ("name", new["name"]), ("kind", new["kind"]), ("url", new["url"])])


@app.command("add-files")
def add_files(
    name: Name,
    url: Target,
    files: Annotated[
        list[str], typer.Argument(help="Files of the node under its data folder, or upload/… of uploads.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Play them once instead of forever.")] = False,
    key: Key = "",
    node: OnNode = "",
    disabled: Disabled = False,
    as_json: Json = False,
) -> None:
    """Play files one after another, as if they were live."""
    inputs = [{"upload" if f.startswith("upload/") else "file": f} for f in files]
    body = {"name": name, "kind": "file", "inputs": inputs, "loop": not once} | _target(url, key)
    _add(body, node, disabled=disabled, as_json=as_json)


@app.command("add-stream")
def add_stream(  # noqa: PLR0913, PLR0917 - the options of a stream
    name: Name,
    url: Target,
    stream: Annotated[str, typer.Argument(help="rtmp, srt, rtsp, or http(s) of .flv, .m3u8 or .ts.")],
    user: User = "",
    password: Password = "",
    key: Key = "",
    node: OnNode = "",
    disabled: Disabled = False,
    as_json: Json = False,
) -> None:
    """Play another live stream."""
    body = {"name": name, "kind": "stream", "inputs": [_by_url(stream, user, password)]} | _target(url, key)
    _add(body, node, disabled=disabled, as_json=as_json)


@app.command("add-camera")
def add_camera(  # noqa: PLR0913, PLR0917 - the options of a camera
    name: Name,
    url: Target,
    camera: Annotated[str, typer.Argument(help="rtsp://address/path")],
    user: User = "",
    password: Password = "",
    silent: Annotated[bool, typer.Option("--silent", help="Silence in place of the camera's sound.")] = False,
    key: Key = "",
    node: OnNode = "",
    disabled: Disabled = False,
    as_json: Json = False,
) -> None:
    """Play an IP camera."""
    inputs = [_by_url(camera, user, password)]
    body = {"name": name, "kind": "camera", "inputs": inputs, "silent_audio": silent} | _target(url, key)
    _add(body, node, disabled=disabled, as_json=as_json)


@app.command("add-transcode")
def add_transcode(  # noqa: PLR0913, PLR0917 - the options of a transcode
    name: Name,
    url: Target,
    stream: Annotated[list[str] | None, typer.Option(help="Pattern such as /live/*; may be repeated.")] = None,
    kbps: Annotated[int, typer.Option(help="Video bitrate.")] = 1500,
    height: Annotated[int, typer.Option(help="Lines of the picture; 0 as it comes.")] = 0,
    profile: Annotated[str, typer.Option(help="baseline, main or high.")] = "main",
    preset: Annotated[str, typer.Option(help="ultrafast to slow.")] = "veryfast",
    audio_kbps: Annotated[int, typer.Option(help="Audio bitrate.")] = 64,
    channels: Annotated[int, typer.Option(help="1 or 2; 0 as they come.")] = 0,
    key: Key = "",
    node: OnNode = "",
    disabled: Disabled = False,
    as_json: Json = False,
) -> None:
    """Encode what is live anew. Without --stream it takes what was published last."""
    encoding = {"vbitrate": kbps, "height": height, "vprofile": profile, "vpreset": preset}
    encoding |= {"abitrate": audio_kbps, "achannels": channels}
    body = {"name": name, "kind": "transcode", "streams": stream or [], "encoding": encoding} | _target(url, key)
    _add(body, node, disabled=disabled, as_json=as_json)


@app.command()
def extend(
    source: Source,
    file: Annotated[str, typer.Argument(help="A file of the node under its data folder, or upload/… of an upload.")],
    as_json: Json = False,
) -> None:
    """Add one file to the end of what a source plays; the others stay."""
    api = Api.from_environment()
    found = find(api, source)
    kind = "upload" if file.startswith("upload/") else "file"
    changed = api.call("POST", f"/v1/sources/{found['id']}/inputs", {kind: file})
    if as_json:
        show_json(changed)
    else:
        errors.print(f"{changed['name']} plays {_plays(changed)}", markup=False)


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(help="A file of this machine.")], node: OnNode = "", as_json: Json = False
) -> None:
    """Bring a file to the node; it is deleted after two hours unless a source plays it. What broke off goes on by
    itself, and when the same command is given again.
    """
    if not file.is_file():
        raise CliError(f"{file} is no file.")
    found = Upload(Api.from_environment(), file, node, _progress()).run()
    if as_json:
        show_json(found)
    else:
        facts([("upload", found["target"])])


def _progress() -> Told:
    """Says on a terminal how far it is, at each tenth."""
    last = -1

    def told(safe: int, size: int) -> None:
        nonlocal last
        if (tenth := safe * 10 // max(size, 1)) != last and sys.stderr.isatty():
            last = tenth
            errors.print(f"{tenth * 10} %", markup=False)

    return told


@app.command("list")
def list_(as_json: Json = False) -> None:
    """All sources with what becomes of them."""
    items = list(Api.from_environment().items("/v1/sources", ALL))
    if as_json:
        show_json(items)
        return
    rows = [[s["name"], s["id"], s["kind"], _state(s), _plays(s), s["url"]] for s in items]
    table(["NAME", "ID", "KIND", "STATE", "PLAYS", "URL"], rows, "No sources. Add one: sluice sources add-files …")


def _state(source: dict[str, Any]) -> str:
    if not source["enabled"]:
        return "off"
    worker = source["worker"]
    told = worker is not None and not (worker["state"] == "waiting" and source["waits_for"])
    return str(worker["state"]) if told else f"waiting for {source['waits_for']}"


def _plays(source: dict[str, Any]) -> str:
    if source["kind"] == "transcode":
        return ", ".join(source["streams"]) or "what came last"
    return ", ".join(i["name"] for i in source["inputs"])


@app.command()
def status(source: Source, as_json: Json = False) -> None:
    """One source and its worker."""
    found = find(Api.from_environment(), source)
    if as_json:
        show_json(found)
        return
    worker = found["worker"] or {}
    shown = ("id", "name", "kind", "node", "url", "enabled", "loop", "silent_audio", "created_at", "updated_at")
    plain = [(name, found[name]) for name in shown]
    facts(
        [*plain, ("plays", _plays(found)), ("state", _state(found))] + [(f"worker {k}", v) for k, v in worker.items()]
    )


def _do(source: str, verb: str, said: str, *, as_json: bool) -> None:
    api = Api.from_environment()
    found = find(api, source)
    changed = api.call("POST", f"/v1/sources/{found['id']}/{verb}", {})
    if as_json:
        show_json(changed)
    else:
        errors.print(f"{changed['name']} {said}", markup=False)


@app.command()
def start(source: Source, as_json: Json = False) -> None:
    """Play it."""
    _do(source, "start", "is on", as_json=as_json)


@app.command()
def stop(source: Source, as_json: Json = False) -> None:
    """Play it no more."""
    _do(source, "stop", "is off", as_json=as_json)


@app.command()
def restart(source: Source, as_json: Json = False) -> None:
    """Have it begin anew."""
    _do(source, "restart", "begins anew", as_json=as_json)


@app.command()
def remove(
    source: Source,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a source; its worker stops, and files that were copied for it are deleted."""
    api = Api.from_environment()
    found = find(api, source)
    if not yes:
        typer.confirm(f"Remove the source {found['name']}?", abort=True, err=True)
    api.call("DELETE", f"/v1/sources/{found['id']}")
    if as_json:
        show_json({"removed": found["id"]})
    else:
        errors.print(f"removed {found['name']}", markup=False)
