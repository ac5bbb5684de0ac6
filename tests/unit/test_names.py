"""Names of streams: any script, one spelling, and what a media server takes for one name (N1, N3)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import InvalidNameError, StreamName, check_name, folded
from edge.base.clock import SystemClock
from edge.publish.admission import name_of
from edge.publish.refusals import MOST_A_MINUTE, Refusals, RefusedError
from edge.srs.api import Look, live_stream

WORDS = ["直播间", "हिन्दी", "สวัสดี", "bühne", "قناة", "می‌خواهم", "ภาษาไทย", "한국어", "Ⅷ", "x_1.~@:+=-"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_n3_a_name_may_be_of_any_script_and_has_one_spelling(word: str, form: str) -> None:
    name = StreamName(app="live", stream=unicodedata.normalize(form, word))  # type: ignore[arg-type]
    assert name.stream == unicodedata.normalize("NFC", word)
    assert name == StreamName(app="live", stream=word)


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a b", "a/b", "a?b", "a\u200bb", "\u200cab", "ab\u200d", "a\u202eb", "😀", "a\0", "a%b"]
)
def test_n3_what_is_no_letter_is_refused(bad: str) -> None:
    with pytest.raises(InvalidNameError):
        check_name("__defaultVhost__", "live", bad)


@pytest.mark.parametrize(
    ("name", "same"),
    [("live/cam.1", "live/cam"), ("live/a.b.c", "live/a.b"), ("live/cam", "live/cam"), ("a.b/cam", "a.b/cam")],
)
def test_n1_srs_leaves_out_what_looks_like_an_extension(name: str, same: str) -> None:
    assert folded(name) == same


@given(st.from_regex(r"[a-z.]{1,8}", fullmatch=True))
def test_n1_what_srs_shows_is_found_by_the_name_that_was_published(stream: str) -> None:
    stem, dot, _ = stream.rpartition(".")
    url = f"/live/{stem if dot else stream}"
    row = {"name": stream, "app": "live", "url": url, "publish": {"active": True, "cid": "c"}}
    found = live_stream(row)
    assert found is not None
    assert found.name == f"live/{stream}"
    assert Look(True, streams={folded(found.name): found}).of(f"live/{stream}") == found


def hook(**more: str) -> Hook:
    return Hook.model_validate({"action": "on_publish", "app": "live", "stream": "s", "ip": "203.0.113.7"} | more)


def test_n2_a_query_that_srs_left_in_the_name_is_said() -> None:
    with pytest.raises(RefusedError, match="server field") as refused:
        name_of(hook(stream="直播间?secret=S"))
    assert refused.value.code == "name_not_split"


def test_d_a_key_with_a_space_or_of_a_whole_url_is_said_to_be_one() -> None:
    """SRS takes the space out, and leaves the query in."""
    with pytest.raises(RefusedError, match="space") as refused:
        name_of(hook(stream="cam?secret=S"))
    assert refused.value.code == "name_not_split"
    with pytest.raises(RefusedError, match="slash at its beginning"):
        name_of(hook(app="/live"))  # `r=/live/cam` by SRT
    with pytest.raises(RefusedError, match="whole URL") as refused:
        name_of(hook(app="live/rtmp:", stream="/host/live/cam"))
    assert refused.value.code == "name_invalid"


class Still(SystemClock):
    at = 0.0

    def monotonic(self) -> float:
        return self.at


def test_n5_of_many_refusals_few_are_told_and_the_others_counted() -> None:
    clock = Still()
    refusals = Refusals(clock)
    why = RefusedError("no", "secret_wrong")
    told = [refusals.event(hook(), "live/s", "rtmp", why) for _ in range(5)]
    assert [bool(event) for event in told] == [True, False, False, False, False]
    clock.at = 11.0
    again = refusals.event(hook(), "live/s", "rtmp", why)
    assert again is not None
    assert again.more == 4
    many = [refusals.event(hook(ip=f"10.0.{i // 250}.{i % 250}"), "live/x", "rtmp", why) for i in range(500)]
    assert sum(event is not None for event in many) < MOST_A_MINUTE
    assert "\0" not in (refusals.event(hook(ip="9"), "a\0b", "rtmp", why) or told[0]).name  # type: ignore[union-attr]
