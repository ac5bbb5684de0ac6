"""The library in both installations: titles, filters, gaps, trash, shares, retention."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import NotFoundError, UnavailableError
from chalicelib.domain.model.recordings import Recording, RetentionMark
from chalicelib.ports.store import Save
from chalicelib.services.recordings import trash as trash_module
from chalicelib.services.recordings.trash import Trash
from chalicelib.wiring.installation import now
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP

from .conftest import Api, Cloud

READ = {"name": "reader", "scope": "read"}


def _made(n: int, **fields: Any) -> Recording:
    """The n-th of some recordings, a day between each and the next, stored."""
    at = now() - timedelta(days=n)
    base: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{n:012d}",
        "stream": {"app": "live", "stream": f"s{n % 3}"},
        "state": "ready",
        "started_at": at,
        "ended_at": at,
        "updated_at": at,
        "parts": {f"{n:026d}": {"node": f"n{n % 2}", "started_at": at, "done": True}},
    }
    recording = Recording.model_validate(base | fields)
    wiring.store.commit(Save(recording))
    return recording


def _ids(api: Api, query: str) -> list[int]:
    """The numbers of the recordings that a listing gives, all of its pages."""
    found: list[int] = []
    cursor = ""
    while True:
        answer = api("GET", f"/v1/recordings?{query}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.body
        found += [int(r["id"][-12:]) for r in answer.json["items"]]
        cursor = answer.json["cursor"]
        if not cursor:
            return found


def test_a_listing_is_filtered_and_sorted_page_by_page(api: Api) -> None:
    for n in range(7):
        _made(n, title="Evening show" if n == 4 else "", state="failed" if n == 5 else "ready")
    assert _ids(api, "limit=2") == [0, 1, 2, 3, 4, 5, 6]
    assert _ids(api, "limit=2&sort=started_at") == [6, 5, 4, 3, 2, 1, 0]
    assert _ids(api, "limit=2&stream=live/s1") == [1, 4]
    assert _ids(api, "state=failed") == [5]
    assert _ids(api, "node=n1") == [1, 3, 5]
    assert _ids(api, "q=EVENING") == [4]
    assert _ids(api, "q=s2") == [2, 5]
    day = (now() - timedelta(days=3, hours=12)).isoformat().replace("+00:00", "Z")
    assert _ids(api, f"from={day}") == [0, 1, 2, 3]
    assert _ids(api, f"to={day}&limit=2") == [4, 5, 6]
    assert _ids(api, f"from={day}&sort=started_at&limit=1") == [3, 2, 1, 0]


@pytest.mark.parametrize(
    "query", ["state=no", "sort=size", "trashed=perhaps", "from=yesterday", "colour=red", "limit=0"]
)
def test_a_filter_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    assert api("GET", f"/v1/recordings?{query}").status == 400


def test_a_title_and_the_wish_to_keep_are_edited(api: Api, recorded: str) -> None:
    path = f"/v1/recordings/{recorded}"
    shown = api("PATCH", path, {"title": "晚会 <b>"}).json
    assert (shown["title"], shown["keep"]) == ("晚会 <b>", False)
    assert api("PATCH", path, {"keep": True}).json["title"] == "晚会 <b>"
    assert api("GET", path).json["keep"] is True
    assert api("PATCH", path, {"title": "x" * 201}).status == 400
    assert api("PATCH", path, {"title": "a\x1b[2Jb"}).status == 400
    assert api("POST", f"{path}/shares", {"label": "a\0b"}).status == 400
    assert api("PATCH", path, {"state": "failed"}).status == 400
    reader = api("POST", "/v1/tokens", READ).json["token"]
    assert api("PATCH", path, {"title": "mine"}, token=reader).status == 403
    assert api("DELETE", path, token=reader).status == 403
    assert api("POST", f"{path}/links", token=reader).status == 200
    assert api("GET", f"{path}/shares", token=reader).status == 403


def test_what_is_removed_is_in_the_trash_and_comes_back(api: Api, recorded: str, cloud: Cloud) -> None:
    path = f"/v1/recordings/{recorded}"
    share = api("POST", f"{path}/shares").json["links"]["hls"]
    old = wiring.shares.folder(recorded, 600) + "index.m3u8"
    watch = api("POST", f"{path}/links").json["links"]["hls"]
    links = [share, old, watch]
    assert [api("GET", link, token=None).status for link in links] == [200] * 3
    assert api("POST", f"{path}/purge").status == 409
    for _ in range(2):
        assert api("DELETE", path).status == 204
    assert api("GET", "/v1/recordings").json["items"] == []
    assert [r["id"] for r in api("GET", "/v1/recordings?trashed=true").json["items"]] == [recorded]
    assert api("GET", path).json["trashed_at"]
    assert [api("GET", link, token=None).status for link in links] == [404] * 3
    assert api("POST", f"{path}/shares").status == 404
    for of_old in (wiring.library.compatible_playlist, wiring.library.mp4_link):
        with pytest.raises(NotFoundError):
            of_old(recorded)
    assert api("POST", f"{path}/restore").json["trashed_at"] is None
    assert [api("GET", link, token=None).status for link in links] == [200] * 3
    assert cloud.objects()


def test_a_file_of_a_trashed_recording_is_given_to_nobody(api: Api, recorded: str) -> None:
    link = wiring.library.object_link(recorded, "index.mp4")
    if "://" in link:
        pytest.skip("the store of this installation gives files out itself")
    assert api("GET", link, token=None).status == 200
    api("DELETE", f"/v1/recordings/{recorded}")
    assert api("GET", link, token=None).status == 404


def test_shares_are_listed_and_a_revoked_one_is_refused(api: Api, recorded: str) -> None:
    path = f"/v1/recordings/{recorded}/shares"
    one = api("POST", path, {"label": "for Ann", "expires_s": 600}).json
    two = api("POST", path, {"label": "for Bob"}).json
    api("POST", f"/v1/recordings/{recorded}/links")
    listed = api("GET", path).json["items"]
    assert [(s["id"], s["label"]) for s in listed] == [(one["id"], "for Ann"), (two["id"], "for Bob")]
    assert api("DELETE", f"{path}/{one['id']}").status == 204
    assert api("DELETE", f"{path}/{one['id']}").status == 404
    refused = api("GET", one["links"]["hls"], token=None)
    assert (refused.status, refused.json["code"]) == (403, "link_revoked")
    segment = one["links"]["hls"].replace("index.m3u8", "index.mp4")
    assert api("GET", segment, token=None).status == 403
    assert api("GET", two["links"]["hls"], token=None).status == 200
    assert len(api("GET", path).json["items"]) == 1


def test_gaps_say_where_they_are_and_why(api: Api, recorded: str, cloud: Cloud) -> None:
    assert api("GET", f"/v1/recordings/{recorded}/gaps").json["items"] == []
    (session,) = api("GET", f"/v1/recordings/{recorded}").json["sessions"]
    proof = {
        "segments": [{"session": session, "index": n, "duration_ms": 2000} for n in (0, 1, 3)],
        "gaps": [{"session": session, "before_index": 3, "reason": "missing_file", "note": "", "duration_ms": 1500}],
    }
    cloud.put_object(f"recordings/{recorded}/manifest.json", json.dumps(proof).encode())
    (gap,) = api("GET", f"/v1/recordings/{recorded}/gaps").json["items"]
    assert (gap["at_ms"], gap["length_ms"], gap["code"], gap["session"]) == (4000, 1500, "missing_file", session)


def test_the_compatible_api_removes_for_good(api: Api, recorded: str, cloud: Cloud) -> None:
    wiring.library.delete(recorded)
    assert cloud.objects() == []
    assert api("GET", f"/v1/recordings/{recorded}").status == 404


def _sweeper(days: float) -> Trash:
    return Trash(wiring.store, wiring.library, wiring.settings, lambda: now() + timedelta(days=days))


def test_the_trash_is_emptied_when_its_time_has_come(api: Api, recorded: str, cloud: Cloud) -> None:
    api("DELETE", f"/v1/recordings/{recorded}")
    assert _sweeper(6.9).sweep() == 0
    assert _sweeper(7.1).sweep() == 1
    assert cloud.objects() == []
    assert api("GET", f"/v1/recordings/{recorded}").status == 404


def test_what_is_too_old_goes_to_the_trash_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trash_module, "LOOKED_AT_A_MINUTE", 2)
    for n in range(6):
        _made(n, keep=n == 5, state="recording" if n == 4 else "ready")
    assert wiring.trash.retain() == 0, "nobody asked for it"
    api("PATCH", "/v1/settings/record", {"retention_days": 2})
    assert sum(wiring.trash.retain() for _ in range(4)) == 2
    assert _ids(api, "trashed=true&limit=1") in ([3, 2], [2, 3])
    assert _ids(api, "") == [0, 1, 4, 5]
    mark = wiring.store.get(RetentionMark)
    assert mark is not None
    assert (mark.cursor, mark.next_at > now()) == ("", True)
    assert wiring.trash.retain() == 0, "it rests"


def test_no_secret_of_a_name_is_found_by_searching_for_it(api: Api) -> None:
    _made(1, stream={"app": "live", "stream": f"x{BOOTSTRAP.publish_secret}"})
    assert _ids(api, f"q={BOOTSTRAP.publish_secret}") == []


def test_only_the_consoles_own_links_are_brought_by_the_front(api: Api, recorded: str) -> None:
    path = f"/v1/recordings/{recorded}"
    given = api("POST", f"{path}/shares").json["links"]["hls"].replace("index.m3u8", "index.mp4")
    own = api("POST", f"{path}/links").json["links"]["hls"].replace("index.m3u8", "index.mp4")
    answers = [api("GET", link, token=None) for link in (given, own)]
    if answers[0].status == 302:
        assert [a.headers.get("x-sluice-relay") for a in answers] == [None, "1"]
    else:
        assert all("x-accel-redirect" in a.headers for a in answers)


@pytest.fixture
def store_away(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files of the recordings that are in this list can't be removed."""
    away: list[str] = []
    remove = wiring.library._objects.delete_prefix

    def failing(prefix: str) -> int:
        if any(recording in prefix for recording in away):
            raise OSError(30, "Read-only file system")
        return remove(prefix)

    monkeypatch.setattr(wiring.library._objects, "delete_prefix", failing)
    return away


def test_one_that_cannot_be_removed_keeps_no_other_in_the_trash(api: Api, store_away: list[str]) -> None:
    first, second = (_made(n, trashed_at=now() - timedelta(days=9, hours=-n)) for n in (0, 1))
    store_away.append(first.id)
    assert wiring.trash.sweep() == 1
    assert _ids(api, "trashed=true") == []
    assert _ids(api, "unremoved=true") == [0]
    assert wiring.store.get(Recording, second.id) is None


def test_a_removal_that_fails_says_why_and_is_tried_by_itself_until_it_is_given_up(
    api: Api, recorded: str, store_away: list[str], cloud: Cloud
) -> None:
    path = f"/v1/recordings/{recorded}"
    api("DELETE", path)
    store_away.append(recorded)
    with pytest.raises(UnavailableError, match="Read-only file system") as refused:
        wiring.trash.purge(recorded)
    assert refused.value.code == "removal_failed"
    (shown,) = api("GET", "/v1/recordings?unremoved=true").json["items"]
    assert (shown["removal"]["tries"], shown["removal"]["error"]) == (1, "this machine: Read-only file system")
    assert api("POST", f"{path}/shares").json["code"] == "in_removal"
    # It is not tried before its time, and rarer and rarer.
    assert [_sweeper(0).sweep(), api("GET", path).json["removal"]["tries"]] == [0, 1]
    for day in range(1, rules.REMOVALS):
        assert _findings(api) == []
        _sweeper(day).sweep()
    given_up = api("GET", path).json["removal"]
    assert (given_up["tries"], given_up["next_at"]) == (rules.REMOVALS, None)
    assert _findings(api) == [("recordings_unremoved", {"count": 1})]
    store_away.clear()
    assert _sweeper(900).sweep() == 0, "that was given up"
    # Until somebody tries it again.
    assert api("POST", f"{path}/purge").status == 204
    assert (cloud.objects(), _findings(api)) == ([], [])
    assert api("GET", path).status == 404


def _findings(api: Api) -> list[tuple[str, dict[str, Any]]]:
    found = api("GET", "/v1/readiness").json["findings"]
    return [(f["code"], f["params"]) for f in found if f["code"] == "recordings_unremoved"]


def test_somebody_who_tries_it_again_begins_anew(api: Api, recorded: str, store_away: list[str]) -> None:
    store_away.append(recorded)
    with pytest.raises(UnavailableError):
        wiring.library.delete(recorded)  # as the compatible API does, past the trash
    for day in (1, 2):
        _sweeper(day).sweep()
    assert api("GET", f"/v1/recordings/{recorded}").json["removal"]["tries"] == 3
    with pytest.raises(UnavailableError):
        wiring.trash.purge(recorded)
    assert api("GET", f"/v1/recordings/{recorded}").json["removal"]["tries"] == 1


def test_what_is_left_of_one_that_could_not_be_removed_comes_back(
    api: Api, recorded: str, store_away: list[str]
) -> None:
    path = f"/v1/recordings/{recorded}"
    api("DELETE", path)
    store_away.append(recorded)
    with pytest.raises(UnavailableError):
        wiring.trash.purge(recorded)
    back = api("POST", f"{path}/restore").json
    assert (back["removal"], back["trashed_at"], back["state"]) == (None, None, "failed")
    assert [r["id"] for r in api("GET", "/v1/recordings").json["items"]] == [recorded]
    assert api("POST", f"{path}/shares").status == 201
    assert api("GET", "/v1/recordings?unremoved=true&trashed=true").status == 400
