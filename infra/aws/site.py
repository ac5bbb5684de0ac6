"""What the one origin gives out and checks by: console and players in the bucket, keys in CloudFront's store."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chalicelib.domain import links, viewers
from infra.aws.deployment import Deployment
from infra.paths import ROOT

PAGES: Final = ROOT / "edge" / "web" / "pages"
_UP: Final = '{{placeholder "up"}}'
"""Where a node's front puts the way up to the top, as it may lie below a prefix; here it never does."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_A_MONTH: Final = "public, max-age=2592000"
mimetypes.add_type("text/javascript", ".js")


def publish(deployment: Deployment, outputs: Mapping[str, str]) -> None:
    """Bring the pages, those that name others last, and the keys. Nothing happens without CloudFront."""
    if "KeysArn" not in outputs:
        return
    _keys(deployment, outputs["KeysArn"])
    client = deployment.client("s3")
    bucket = f"sluice-{deployment.stage}-{deployment.account}-{deployment.region}"
    files = sorted((path for path in PAGES.rglob("*") if path.is_file()), key=lambda p: (p.suffix == ".html", str(p)))
    for path in files:
        name = path.relative_to(PAGES).as_posix()
        client.put_object(
            Bucket=bucket,
            Key=f"site/{name}",
            Body=_content(path),
            ContentType=mimetypes.guess_type(name)[0] or "application/octet-stream",
            CacheControl=_kept(name),
        )


def _content(path: Path) -> bytes:
    return path.read_text().replace(_UP, "/").encode() if path.suffix == ".html" else path.read_bytes()


def _kept(name: str) -> str:
    if name.endswith(".html"):
        return "no-cache"
    return _FOR_EVER if name.startswith("console/app/assets/") else _A_MONTH


def _keys(deployment: Deployment, store: str) -> None:
    """Put the keys there that are not: they follow from the master key."""
    secret = f"sluice/{deployment.stage}/master"
    said = deployment.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    master = json.loads(said)["master"]
    wanted = {"recordings": links.key_of(master).decode(), "viewers": viewers.key_of(master)}
    client = deployment.client("cloudfront-keyvaluestore")
    kept = client.describe_key_value_store(KvsARN=store)
    missing = [{"Key": k, "Value": v} for k, v in wanted.items() if _value(client, store, k) != v]
    if missing:
        client.update_keys(KvsARN=store, IfMatch=kept["ETag"], Puts=missing)


def _value(client: Any, store: str, key: str) -> str | None:
    try:
        return str(client.get_key(KvsARN=store, Key=key)["Value"])
    except client.exceptions.ResourceNotFoundException:
        return None
