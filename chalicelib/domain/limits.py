"""Limits that an owner may set; all are off until then."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import LimitSettings


def refusal(limits: LimitSettings, live: int) -> str:
    """Why no further stream may begin while `live` others are live, or ''."""
    if limits.max_streams is not None and live >= limits.max_streams:
        return f"{live} streams are live already, and no more than {limits.max_streams} are allowed"
    return ""


def overrun(limits: LimitSettings, session: Session, bitrate_kbps: float | None, now: datetime) -> str:
    """Why a live session has to end, or ''. `bitrate_kbps`: what its node last saw, None when unknown."""
    longest = limits.max_publish_minutes
    if longest is not None and session.live_at and now - session.live_at >= timedelta(minutes=longest):
        return f"it has been live for {longest} minutes, which is the limit"
    ceiling = limits.max_bitrate_kbps
    if ceiling is not None and bitrate_kbps is not None and bitrate_kbps > ceiling:
        return f"its bitrate of {bitrate_kbps:.0f} kbps is over the limit of {ceiling} kbps"
    return ""
