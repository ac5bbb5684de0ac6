"""`/v1/destinations`: where streams are pushed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from chalicelib.domain.destinations import check_patterns
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.targets import changed_url, whole_url
from chalicelib.services.pushing.destinations import Target
from chalicelib.wiring.services import wiring

from ..destination_views import DestinationShown, FitShown, TargetShown
from ..views import Counted, Items, Page
from .base import SECRET, Body, Call, Nothing, Paging, operation, secrets
from .listing import Key, found_in, part

PLATFORM = r"^[a-z0-9-]{1,40}$"
URL = "rtmp://, rtmps:// or srt:// with the stream key at its end; never shown again"


class SlateWanted(Body):
    """Keep the target alive while its source is away. What is absent stays as it is."""

    enabled: bool | None = None
    file: str | None = Field(
        default=None,
        max_length=1000,
        description="Image or clip: the target of an upload, or a path under the node's data folder; empty: the card.",
        examples=["upload/0b3c9a52-6a0c-4d0e-8a53-0d5b6a3f1c11.png"],
    )
    node: str | None = Field(default=None, max_length=100, description="Where the file is; with several nodes.")
    minutes: int | None = Field(default=None, ge=1, le=1440, description="For how long after the source went; 60.")


class NewDestination(Body):
    """A destination to be added."""

    name: str = Field(min_length=1, max_length=100, examples=["YouTube"])
    url: str = Field(
        default="",
        max_length=2000,
        description=f"{URL}. Instead of it: `key`, with `server` where the platform has none of its own",
        examples=["rtmp://a.rtmp.youtube.com/live2/abcd-efgh"],
        json_schema_extra=SECRET,
    )
    server: str = Field(default="", max_length=1000)
    key: str = Field(default="", max_length=1000, json_schema_extra=SECRET)
    platform: str = Field(default="custom", pattern=PLATFORM)
    stream_name: str = Field(default="", max_length=200, description="Only streams of exactly this name, in any app.")
    room: str = Field(default="", max_length=100, description="Id of a room: its stream, also when it is renamed.")
    prefer: Literal["oldest", "newest"] = Field(
        default="oldest", description="Of several live streams that fit: live longest, or came last."
    )
    streams: list[str] = Field(
        default=[], max_length=50, description="Patterns over /app/stream; none: every stream.", examples=[["/live/*"]]
    )
    enabled: bool = True
    slate: SlateWanted | None = None


class DestinationChange(Body):
    """What is to change; what is absent stays. `version`: the one you saw, another one is a conflict."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    url: str | None = Field(default=None, min_length=1, max_length=2000, description=URL, json_schema_extra=SECRET)
    server: str = Field(default="", max_length=1000, description="Another server; goes with `key`.")
    key: str = Field(
        default="", max_length=1000, description="Another key for the same server.", json_schema_extra=SECRET
    )
    platform: str | None = Field(default=None, pattern=PLATFORM)
    streams: list[str] | None = Field(default=None, max_length=50)
    room: str | None = Field(default=None, max_length=100, description="Id of a room; empty: no room.")
    enabled: bool | None = Field(default=None, examples=[False])
    slate: SlateWanted | None = None
    position: int | None = Field(
        default=None, ge=1, le=1000, description="The place in the list that it is to take, from 1; alone in a change."
    )
    version: int | None = None


class DestinationsWanted(Paging):
    """Which destinations, in which order."""

    search: str = Field(
        default="", max_length=200, description="Only with all these words in name, address or streams."
    )
    platform: str = Field(default="", max_length=40, description="Only of this platform.", examples=["youtube"])
    state: Literal["", "off", "waiting", "starting", "running", "retrying", "stopped"] = Field(
        default="", description="Only what is so now.", examples=["retrying"]
    )
    pushing: bool = Field(default=False, description="Only those that serve a stream now, or try to.")
    stream: str = Field(
        default="",
        max_length=300,
        description="Only those that name this very stream, patterns left out.",
        examples=["live/cam"],
    )
    sort: Literal["position", "name", "created_at", "-position", "-name", "-created_at"] = Field(
        default="position", description="By what; with a minus the other way round."
    )


class PreflightWanted(Body):
    """A destination as it would be made."""

    platform: str = Field(default="custom", pattern=PLATFORM, description="Id of a platform.", examples=["twitch"])
    server: str = Field(default="", max_length=1000, description="Empty: the platform's own.", json_schema_extra=SECRET)
    streams: list[str] = Field(default=[], max_length=50, description="Patterns over /app/stream; none: every stream.")


SORTS = {
    "position": lambda d: (d.position, d.id),
    "name": lambda d: (d.name.casefold(), d.id),
    "created_at": lambda d: (d.created_at.timestamp(), d.id),
}


def _shown(targets: list[Target]) -> list[TargetShown]:
    live, hidden = wiring.preflight.live(), secrets()
    return [TargetShown.with_push(t, wiring.preflight.fits(t.destination, live), hidden) for t in targets]


def _fits(wanted: DestinationsWanted, d: Destination) -> bool:
    shown = DestinationShown.of(d)
    texts = (d.name, shown.url, d.stream_name, *d.streams)
    named = not wanted.stream or f"/{wanted.stream}" in d.streams or d.stream_name == wanted.stream.rpartition("/")[2]
    return named and wanted.platform in ("", d.platform) and found_in(wanted.search, *texts)


def _is_so(wanted: DestinationsWanted, t: Target) -> bool:
    shown = TargetShown.with_push(t)
    return wanted.state in ("", shown.state) and not (wanted.pushing and shown.push is None)


def _key(sort: str, d: Destination) -> Key:
    return SORTS[sort.lstrip("-")](d)


@operation("GET", "/v1/destinations", scope="read")
def list_destinations(call: Call[DestinationsWanted]) -> Counted[TargetShown]:
    """The destinations with their pushes, as they were ordered."""
    wanted = call.sent
    chosen = [d for d in wiring.destinations.ordered() if _fits(wanted, d)]
    if wanted.state or wanted.pushing:
        chosen = [t.destination for t in wiring.destinations.with_states(chosen) if _is_so(wanted, t)]
    down = wanted.sort.startswith("-")
    page = part(chosen, lambda d: _key(wanted.sort, d), wanted.limit, wanted.cursor, down=down)
    shown = _shown(wiring.destinations.with_states(page.items))
    return Counted[TargetShown](items=shown, cursor=page.cursor, total=len(chosen))


@operation("POST", "/v1/destinations/preflight", scope="read", changes=False)
def preflight_destination(call: Call[PreflightWanted]) -> Items[FitShown]:
    """What is live and would be pushed to such a destination, and whether it can be as it is. Nothing is made."""
    url = whole_url(call.sent.platform, "", call.sent.server, "preflight")
    now = datetime.now(UTC)
    asked = Destination(
        id="preflight",
        name="",
        platform=call.sent.platform,
        url=url,
        streams=check_patterns(call.sent.streams),
        created_at=now,
        updated_at=now,
    )
    found = wiring.preflight.fits(asked, wiring.preflight.live())
    hidden = secrets()
    return Items[FitShown](items=[FitShown.of(f, hidden) for f in found])


@operation("POST", "/v1/destinations", status=201)
def add_destination(call: Call[NewDestination]) -> DestinationShown:
    """Add a destination."""
    sent = call.sent.model_dump(exclude={"server", "key", "slate"})
    sent["slate"] = call.sent.slate.model_dump(exclude_none=True) if call.sent.slate else None
    sent["url"] = whole_url(call.sent.platform, call.sent.url, call.sent.server, call.sent.key)
    return DestinationShown.of(wiring.destinations.add(**sent))


@operation("GET", "/v1/destinations/{destination}", scope="read")
def get_destination(call: Call[Nothing], destination: str) -> TargetShown:
    """One destination with its push."""
    return _shown([wiring.destinations.get(destination)])[0]


@operation("PATCH", "/v1/destinations/{destination}")
def change_destination(call: Call[DestinationChange], destination: str) -> DestinationShown:
    """Change a destination; what is absent stays."""
    if call.sent.position is not None:
        return DestinationShown.of(_placed(destination, call.sent))
    changes = call.sent.model_dump(exclude_none=True, exclude={"version", "server", "key"})
    if call.sent.url or call.sent.server or call.sent.key:
        now = wiring.destinations.get(destination).destination
        platform = changes.get("platform", now.platform)
        changes["url"] = changed_url(now.url, platform, call.sent.url or "", call.sent.server, call.sent.key)
    return DestinationShown.of(wiring.destinations.change(destination, changes, call.version))


def _placed(destination: str, sent: DestinationChange) -> Destination:
    if sent.model_fields_set - {"position", "version"}:
        raise InvalidInputError("position", "goes alone: change the rest by a call of its own", code="position_alone")
    return wiring.destinations.place(destination, sent.position or 1)


@operation("POST", "/v1/destinations/{destination}/retry", scope="operate", status=202)
def retry_destination(call: Call[Nothing], destination: str) -> TargetShown:
    """Try a push at once that waits for its next try. One that runs goes on."""
    return _shown([wiring.destinations.retry(destination)])[0]


class Freeing(Body):
    """How a push is taken from a node that did not confirm its stop."""

    force: bool = Field(
        default=False,
        description="Also when its node answers. The platform may then get two publishers for a while.",
    )


@operation("POST", "/v1/destinations/{destination}/free", scope="admin", status=202)
def free_destination(call: Call[Freeing], destination: str) -> TargetShown:
    """Have another node push it although the node that did is lost and has not confirmed its stop."""
    wiring.takeover.free(destination, force=call.sent.force)
    return _shown([wiring.destinations.get(destination)])[0]


@operation("POST", "/v1/destinations/{destination}/enable", scope="operate")
def enable_destination(call: Call[Nothing], destination: str) -> DestinationShown:
    """Push to it again."""
    return DestinationShown.of(wiring.destinations.change(destination, {"enabled": True}, None))


@operation("POST", "/v1/destinations/{destination}/disable", scope="operate")
def disable_destination(call: Call[Nothing], destination: str) -> DestinationShown:
    """Stop pushing to it."""
    return DestinationShown.of(wiring.destinations.change(destination, {"enabled": False}, None))


@operation("DELETE", "/v1/destinations/{destination}", status=204)
def remove_destination(call: Call[Nothing], destination: str) -> None:
    """Remove a destination; its push stops."""
    wiring.destinations.remove(destination, call.version)


@operation("GET", "/v1/pushes", scope="read")
def list_pushes(call: Call[Paging]) -> Page[TargetShown]:
    """What is pushed now, or about to be: the destinations that a node serves, each with its push."""
    page = wiring.destinations.pushes(call.sent.limit, call.sent.cursor)
    return Page[TargetShown](items=[TargetShown.with_push(t) for t in page.items], cursor=page.cursor)
