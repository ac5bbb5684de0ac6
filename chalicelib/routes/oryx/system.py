"""Sections 4 and 5: system, login, settings."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.services.account.login import Token
from chalicelib.wire.oryx import VERSION
from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route, text_time

SLOTS: Final = 10


class _Password(Fields):
    password: str = ""


class _Locale(Fields):
    locale: str = ""


class _Footer(Fields):
    beian: str = ""
    text: str = ""


class _Limits(Fields):
    vlive: int = 0
    camera: int = 0


class _Secret(Fields):
    secret: str = ""


class _Video(Fields):
    bvid: str = ""


class _NoAuth(Fields):
    pub_no_auth: bool = False


def _token(token: Token) -> dict[str, Any]:
    return {
        "token": token.token,
        "createAt": text_time(token.created_at),
        "expireAt": text_time(token.expires_at),
    }


def _login(token: Token) -> dict[str, Any]:
    return _token(token) | {"bearer": wiring.login.api_secret}


@route(
    "/mgmt/versions",
    "/host/versions",
    "/ffmpeg/versions",
    "/hooks/versions",
    "/tencent/versions",
    token=False,
)
def versions(_call: Call) -> Any:
    """The version."""
    return {"version": VERSION}


@route("/mgmt/check", token=False)
def check(_call: Call) -> Any:
    """Whether it works."""
    wiring.settings.get(PublishSettings)
    return {"upgrading": False}


@route("/mgmt/envs", token=False)
def envs(call: Call) -> Any:
    """What a client has to know of the installation."""
    wiring.system.set_locale(call.fields(_Locale).locale)
    ports = wiring.overview.ports()
    return {
        "mgmtDocker": True,
        "platformDocker": False,
        "candidate": False,
        "rtmpPort": ports.get("rtmp", "1935"),
        "httpPort": ports.get("http", ""),
        "srtPort": ports.get("srt", "10080"),
        "rtcPort": ports.get("rtc", "8000"),
        "forwardLimit": SLOTS,
        "vLiveLimit": SLOTS,
        "cameraLimit": SLOTS,
    }


@route("/mgmt/init", token=False)
def init(call: Call) -> Any:
    """Whether there is a password, or the first one set."""
    password = call.fields(_Password).password
    if not password:
        return {"init": wiring.login.is_initialised()}
    return _login(wiring.login.initialise(password))


@route("/mgmt/login", token=False)
def login(call: Call) -> Any:
    """Password in, token out."""
    password = call.fields(_Password).password
    if not password:
        raise InvalidInputError("password", "must not be empty")
    return _login(wiring.login.login(password, call.address))


@route("/mgmt/token")
def token(call: Call) -> Any:
    """A fresh token."""
    return _token(wiring.login.renewed(call.token) if call.token else wiring.login.token_of_secret())


@route("/mgmt/secret/query")
def api_secret(_call: Call) -> Any:
    """The API secret."""
    return wiring.login.api_secret


@route("/mgmt/status")
def status(_call: Call) -> Any:
    """Version and upgrade state."""
    version = f"v{VERSION}"
    releases = {"version": version, "stable": version, "latest": version}
    return {"version": version, "releases": releases, "upgrading": False, "strategy": "manual"}


@route("/mgmt/beian/query", token=False)
def footer_query(_call: Call) -> Any:
    """The footer values."""
    return wiring.system.get().footer


@route("/mgmt/beian/update")
def footer_update(call: Call) -> Any:
    """Set one footer value."""
    fields = call.fields(_Footer)
    wiring.system.set_footer(fields.beian, fields.text)


@route("/mgmt/limits/query")
def limits_query(_call: Call) -> Any:
    """The bitrate limits of sources."""
    now = wiring.system.get()
    return {"vlive": now.vlive_kbps, "camera": now.camera_kbps}


@route("/mgmt/limits/update")
def limits_update(call: Call) -> Any:
    """Set both limits."""
    fields = call.fields(_Limits)
    wiring.system.set_limits(fields.vlive, fields.camera)


@route("/hooks/srs/secret/query", "/hooks/srs/secret")
def secret_query(_call: Call) -> Any:
    """The publish secret."""
    return {"publish": wiring.settings.get(PublishSettings).secret}


@route("/hooks/srs/secret/update")
def secret_update(call: Call) -> Any:
    """Set the publish secret."""
    wiring.settings.set_publish(secret=call.fields(_Secret).secret, auth=None)


@route("/hooks/srs/secret/disable")
def secret_disable(call: Call) -> Any:
    """Switch publish authentication off or on."""
    wiring.settings.set_publish(secret=None, auth=not call.fields(_NoAuth).pub_no_auth)


@route("/mgmt/bilibili")
def bilibili(call: Call) -> Any:
    """What Bilibili tells of a video, kept for a day; null when it tells nothing."""
    return wiring.bilibili.video(call.fields(_Video).bvid)
