"""Small parts of the protocol of `/v1`: where a call comes from, and what the audit may keep of it."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import BaseModel

from chalicelib.domain.redact import MASK

MAX_SHOWN: Final = 200
REPLAYED: Final = {"Idempotent-Replayed": "true"}


def address(request: Any) -> str:
    """The client's address: the last hop that our front, or the gateway, added."""
    claimed = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
    return str(claimed or request.context.get("identity", {}).get("sourceIp", ""))[:64]


def scheme(request: Any) -> str:
    """How the caller reached us: http or https."""
    return "http" if request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "http" else "https"


def host(request: Any) -> str:
    """The name under which the caller reached the front of a node; '' when there was no front."""
    claimed = str(request.headers.get("x-forwarded-host", "")).split(",")[0].strip()
    match = re.fullmatch(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?", claimed)
    return match[1] if match else ""


def _is_secret(model: type[BaseModel], name: str) -> bool:
    extra = model.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("writeOnly"))


def audited(sent: BaseModel) -> dict[str, Any]:
    """The fields that were sent, secrets masked. What is nested may hold a secret anywhere, so it counts as one."""
    values = sent.model_dump(mode="json", include=sent.model_fields_set, exclude={"version"})
    return {name: MASK if value and _is_secret(type(sent), name) else _shown(value) for name, value in values.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_SHOWN]
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return [v[:MAX_SHOWN] for v in value[:MAX_SHOWN]]
    return MASK if isinstance(value, list | dict) else value
