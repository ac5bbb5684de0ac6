"""Signed callbacks: against the public library of Standard Webhooks, through rotation, 410 and resending."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from chalicelib.domain import redact, webhooks
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery, WebhookSecret
from chalicelib.ports.sending import Answer
from chalicelib.wire.edge.events import SessionEnded
from tests.unit.cloud_rig import Cloud

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRETS = st.binary(min_size=webhooks.SECRET_BYTES, max_size=webhooks.SECRET_BYTES).map(webhooks.secret_of)


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud(clock=_Real())  # type: ignore[arg-type]
    made.with_callbacks()
    return made


class _Real:
    """The public library looks at the real clock."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_(self, **step: float) -> None:
        self.ahead += timedelta(**step)


@given(SECRETS, st.binary(max_size=500), st.from_regex(r"[0-9A-Z]{26}", fullmatch=True))
def test_the_public_library_accepts_every_signature(secret: str, body: bytes, message: str) -> None:
    headers = webhooks.headers(message, datetime.now(UTC), body, [secret])
    try:
        text = body.decode()
        json.loads(text)
    except ValueError:
        body = b'{"a": 1}'
        headers = webhooks.headers(message, datetime.now(UTC), body, [secret])
    Webhook(secret).verify(body.decode(), headers)


@given(SECRETS, SECRETS, st.floats(min_value=0, max_value=172800))
def test_both_secrets_sign_for_a_day_after_a_rotation(old: str, new: str, seconds: float) -> None:
    rotated = webhooks.rotated(WebhookSecret(current=old, rotated_at=NOW), new, NOW)
    wanted = [new, old] if seconds < 86400 else [new]
    assert webhooks.active(rotated, NOW + timedelta(seconds=seconds)) == wanted


def test_a_secret_that_was_never_rotated_signs_alone() -> None:
    assert webhooks.active(WebhookSecret(current="whsec_AAAA", rotated_at=NOW), NOW) == ["whsec_AAAA"]


def test_what_is_no_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="base64"):
        webhooks.signature("whsec_%%%", "id", NOW, b"")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example:8443/hook?key=1", "https://***@h.example:8443/***?***"),
        ("http://[::1]:9/x", "http://[::1]:9/***"),
        ("https://h.example/", "https://h.example/"),
    ],
)
def test_a_target_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact.callback_url(url) == shown


def _last(cloud: Cloud) -> tuple[str, dict[str, str]]:
    return cloud.sender.raw[-1].decode(), cloud.sender.sent[-1][2]


def test_the_question_and_the_news_are_signed_alike(cloud: Cloud) -> None:
    cloud.ask(cloud.session(1))
    Webhook(cloud.webhooks.secret().current).verify(*_last(cloud))
    session = cloud.go_live(1)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.deliver()
    assert cloud.actions() == ["on_publish", "on_unpublish"]
    Webhook(cloud.webhooks.secret().current).verify(*_last(cloud))
    assert _last(cloud)[1]["webhook-id"] == cloud.sender.sent[-1][1]["request_id"]


def test_a_receiver_may_rotate_within_a_day(cloud: Cloud) -> None:
    before = cloud.webhooks.secret()
    after = cloud.webhooks.rotate()
    assert cloud.webhooks.previous_until(after) is not None
    cloud.ask(cloud.session(1))
    for secret in (before.current, after.current):
        Webhook(secret).verify(*_last(cloud))
    cloud.clock.pass_(hours=24)
    assert cloud.webhooks.previous_until(after) is None
    cloud.ask(cloud.session(2))
    with pytest.raises(WebhookVerificationError):
        Webhook(before.current).verify(*_last(cloud))


def test_the_secret_is_made_once(cloud: Cloud) -> None:
    first = cloud.webhooks.secret()
    assert first.current.startswith("whsec_")
    assert cloud.webhooks.secret() == first


def test_gone_switches_callbacks_off_visibly_and_on_again_by_hand(cloud: Cloud) -> None:
    cloud.sender.answers = [Answer(410, b"", "", 1)]
    session = cloud.go_live()
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.deliver()
    settings = cloud.settings.get(CallbackSettings)
    assert not settings.enabled
    assert "410" in settings.disabled_reason
    [refused] = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert (refused.state, len(refused.attempts)) == ("refused", 1)
    assert "410" in refused.note
    assert cloud.settings.set_callbacks({"enabled": True}).disabled_reason == ""


def test_gone_to_a_question_refuses_and_switches_off(cloud: Cloud) -> None:
    cloud.sender.answers = [Answer(410, b"", "", 1)]
    assert cloud.ask(cloud.session(1)).decision == "deny"
    assert not cloud.settings.get(CallbackSettings).active


def test_a_changed_target_is_not_switched_off_by_the_one_before(cloud: Cloud) -> None:
    before = cloud.settings.get(CallbackSettings)
    cloud.settings.set_callbacks({"target": "http://other/"})
    cloud.sender.answers = [Answer(410, b"", "", 1)]
    cloud.webhooks.send(before, "id", b"{}")
    assert cloud.settings.get(CallbackSettings).enabled


def test_tls_is_verified_unless_switched_off(cloud: Cloud) -> None:
    cloud.ask(cloud.session(1))
    cloud.settings.set_callbacks({"verify_tls": False})
    cloud.ask(cloud.session(2))
    assert cloud.sender.verified == [True, False]


def test_a_dead_letter_that_is_sent_again_has_all_its_attempts_before_it(cloud: Cloud) -> None:
    session = cloud.go_live()
    cloud.sender.answers = [Answer(None, b"", "the connection was refused", 1)]
    cloud.send(cloud.event(session, SessionEnded()))

    def wait() -> Delivery:
        for _ in range(15):
            cloud.deliver()
            cloud.clock.pass_(hours=33)
            cloud.callbacks.sweep()
        [found] = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
        return found

    assert (wait().state, len(wait().attempts)) == ("dead", 10)
    cloud.callbacks.announce(cloud.callbacks.resend(wait().id))
    assert (wait().state, len(wait().attempts)) == ("dead", 20)
    for _ in range(4):
        cloud.callbacks.announce(cloud.callbacks.resend(wait().id))
        assert wait().state == "dead"
    assert len(wait().attempts) == 40


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([Answer(200, b'{"code":1}', "", 1)], "refused"),
        ([Answer(403, b"", "", 1)], "refused"),
        ([Answer(500, b"", "", 1)] * 9 + [Answer(200, b"1", "", 1)], "refused"),
        ([Answer(200, b"1", "", 1)] * 9 + [Answer(None, b"", "no answer in time", 1)], "dead"),
        ([Answer(404, b"", "", 1)], "dead"),
        ([Answer(500, b"", "", 1)], "dead"),
    ],
)
def test_ten_attempts_end_as_the_last_answer_was(cloud: Cloud, answers: list[Answer], state: str) -> None:
    session = cloud.go_live()
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.sender.answers = list(answers)
    for _ in range(10):
        cloud.deliver()
        cloud.clock.pass_(hours=33)
        cloud.callbacks.sweep()
    [found] = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert (found.state, len(found.attempts)) == (state, 10)
    cloud.sender.answers = [Answer(200, b"0", "", 1)]
    cloud.callbacks.announce(cloud.callbacks.resend(found.id))
    cloud.deliver()
    assert cloud.callbacks.get(found.id).state == "delivered"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(200, b"1", "", 1), "refused"),
        (Answer(403, b"no", "", 1), "refused"),
        (Answer(410, b"", "", 1), "refused"),
        (Answer(404, b"", "", 1), "dead"),
        (Answer(502, b"", "", 1), "dead"),
        (Answer(None, b"", "no answer in time", 5000), "dead"),
    ],
)
def test_a_question_that_was_refused_is_no_dead_letter(cloud: Cloud, answer: Answer, state: str) -> None:
    cloud.sender.answers = [answer]
    assert cloud.ask(cloud.session(1)).decision == "deny"
    [asked] = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert asked.state == state
    assert [d.id for d in cloud.overview.deliveries(state, 5, None).items] == [asked.id]
    assert [d.id for d in cloud.overview.deliveries(None, 5, None).items] == [asked.id]


def test_a_question_is_not_sent_again(cloud: Cloud) -> None:
    cloud.ask(cloud.session(1))
    [asked] = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert asked.target == "http://target/***"
    with pytest.raises(ConflictError):
        cloud.callbacks.resend(asked.id)
