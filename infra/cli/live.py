"""`sluice test-cards`, `sluice picture`, `sluice life`: what is live, shown and tried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.client import Api, CliError
from infra.cli.output import errors, facts, show_json, table

cards = typer.Typer(help="Test cards: streams that an edge makes itself.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Stream = Annotated[str, typer.Argument(help="app/stream, or the id of a session.")]
_COLUMNS = ["STREAM", "STATE", "ENDS", "NODE", "ID"]


def _row(card: dict[str, Any]) -> list[Any]:
    return [card["stream"], card["last_error"] or card["state"], card["until"], card["node"], card["id"]]


@cards.command("list")
def list_cards(as_json: Json = False) -> None:
    """The test cards that run."""
    items = Api.from_environment().call("GET", "/v1/test-cards")["items"]
    if as_json:
        show_json(items)
        return
    table(_COLUMNS, [_row(card) for card in items], "No test card runs.")


@cards.command("start")
def start_card(
    stream: Annotated[str, typer.Argument(help="As which stream: app/stream.")],
    node: Annotated[str, typer.Option(help="By which node; needed when there are several.")] = "",
    minutes: Annotated[int, typer.Option(min=1, max=10, help="For how long at most.")] = 10,
    as_json: Json = False,
) -> None:
    """Have a node publish moving bars, a clock and a tone."""
    body = {"stream": stream, "node": node, "minutes": minutes}
    made = Api.from_environment().call("POST", "/v1/test-cards", body)
    if as_json:
        show_json(made)
        return
    table(_COLUMNS, [_row(made)], "")


@cards.command("stop")
def stop_card(card: Annotated[str, typer.Argument(help="Its stream or its id.")], as_json: Json = False) -> None:
    """End a test card."""
    api = Api.from_environment()
    found = [c for c in api.call("GET", "/v1/test-cards")["items"] if card in (c["stream"], c["id"])]
    if not found:
        raise CliError(f"No test card is called {card}. `sluice test-cards list` lists them.")
    for each in found:
        api.call("DELETE", f"/v1/test-cards/{each['id']}")
    if as_json:
        show_json([{"id": each["id"], "stream": each["stream"]} for each in found])
    else:
        errors.print(f"stopped {card}", markup=False)


def _live(api: Api, stream: str) -> dict[str, Any] | None:
    """The live stream of a name or of a session."""
    page: list[dict[str, Any]] = api.call("GET", "/v1/streams", stream=stream)["items"]
    if page or "/" in stream:
        return page[0] if page else None
    return next((s for s in api.items("/v1/streams", 10_000) if s["session"] == stream), None)


def picture(
    stream: Stream, file: Annotated[Path, typer.Argument(help="Where to; a JPEG.")], as_json: Json = False
) -> None:
    """The picture of now of a live stream."""
    api = Api.from_environment()
    found = _live(api, stream)
    if found is None:
        raise CliError(f"{stream} is not live. `sluice streams` lists what is.")
    jpeg = b"".join(chunk for chunk, _ in api.download(f"/v1/streams/{found['session']}/thumbnail"))
    file.write_bytes(jpeg)
    if as_json:
        show_json({"stream": found["stream"], "file": str(file), "bytes": len(jpeg)})
    else:
        errors.print(f"{file}: {len(jpeg)} bytes", markup=False)


def _session(api: Api, stream: str) -> str:
    """The session of a stream: the one that is live, or else its last one; what is no name is one already."""
    if "/" not in stream:
        return stream
    live = _live(api, stream)
    if live is not None:
        return str(live["session"])
    past = next(iter(api.items("/v1/sessions", 1, stream=stream)), None)
    if past is None:
        raise CliError(f"{stream} was never live, or that is forgotten.")
    return str(past["session"])


def life(stream: Stream, as_json: Json = False) -> None:
    """What happened to a stream, live or the last time: publish, pushes, recording, callbacks, refusals."""
    api = Api.from_environment()
    told = api.call("GET", f"/v1/sessions/{_session(api, stream)}/life")
    if as_json:
        show_json(told)
        return
    session = told["session"]
    facts([("stream", session["stream"]), ("session", session["session"]), ("state", session["state"])])
    rows = [
        [item["at"], item["until"] or "goes on", item["lane"], item["name"], item["state"], item["text"]]
        for item in told["items"]
    ]
    table(["FROM", "UNTIL", "WHAT", "NAME", "STATE", "WHY"], rows, "Nothing went on.")
    if not told["whole"]:
        errors.print("the oldest part is left out", markup=False)
