"""The secrets that an installation begins with, of either kind."""

from __future__ import annotations


def first_secrets() -> dict[str, str]:
    """Fresh ones, each of 128 bits and more."""
    import secrets  # only at the first start

    return {
        "api_secret": f"srs-v2-{secrets.token_hex(16)}",
        "admin_password": secrets.token_urlsafe(18),
        "publish_secret": secrets.token_hex(16),
        "join_token": secrets.token_urlsafe(32),
    }
