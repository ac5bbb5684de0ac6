"""`make deploy`, `diff`, `rollback`, `destroy`: an installation on AWS.

python -m infra.aws deploy --stage prod [--set PublicUrl=https://…] [--first-secrets FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import requests
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import first_secrets
from infra.aws.deploy import Deployed, deploy, diff, rollback
from infra.aws.deployment import Deployment, tell
from infra.aws.destroy import destroy
from infra.aws.vendor import Target
from infra.errors import InfraError
from infra.paths import BUILD


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.aws", description="Sluice on AWS.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("deploy", "create or change the installation"),
        ("diff", "show what deploy would change, change nothing"),
        ("rollback", "go back to the last good deployment"),
        ("destroy", "remove the functions; the data stays unless --data"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--stage", required=True, help="names everything of this installation")
        command.add_argument("--bucket", default="", help="takes the code; default: one of the account's own")
        command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter")
        if name == "deploy":
            command.add_argument("--first-secrets", type=Path, help="JSON with first secrets of your own")
        if name == "destroy":
            command.add_argument("--data", action="store_true", help="state, recordings and secrets, too")
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(argv)


def _parameters(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise InfraError(f"--set takes NAME=VALUE, not {wrong[0]}")
    return dict(pair.split("=", 1) for pair in pairs)


def _closing(made: Deployed, reach: Mapping[str, str]) -> list[str]:
    """The block that a deployment ends with."""
    rows = [("Console and API", made.outputs["SiteUrl"]), ("Edges join at", made.outputs["EdgeUrl"])]
    if link := _sign_in(reach, made.first):
        rows.insert(0, ("Sign in, once", link))
    if made.fresh:
        rows += [(name.replace("_", " "), made.first[name]) for name in first_secrets.NAMES]
    lines = [f"  {name:<18}{value}" for name, value in rows]
    return (
        ["", *lines, "", "  The secrets above are shown this once; Systems Manager keeps them (docs/deploy-aws.md)."]
        if made.fresh
        else lines
    )


def _sign_in(reach: Mapping[str, str], first: Mapping[str, str]) -> str:
    """A link that signs in once; '' when the first API secret opens nothing any more."""
    headers = {"Authorization": f"Bearer {first['api_secret']}"}
    try:
        answer = requests.post(f"{reach['SiteUrl'].rstrip('/')}/v1/sign-in-links", headers=headers, timeout=30)
    except requests.RequestException:
        return ""
    return f"{reach['SiteUrl'].rstrip('/')}{answer.json()['path']}" if answer.ok else ""


def _confirmed(asked: argparse.Namespace) -> bool:
    if asked.yes:
        return True
    what = "the functions AND ALL DATA" if asked.data else "the functions; the data stays"
    return bool(input(f"This removes stage {asked.stage}: {what}. Its name, to go on: ") == asked.stage)


def _run(asked: argparse.Namespace, folder: Path) -> int:
    target = Target.aws()
    deployment = Deployment(
        asked.stage, folder, target, dict(os.environ), parameters=_parameters(asked.set), bucket=asked.bucket
    )
    if asked.command == "diff":
        tell("\n".join(diff(deployment) or ["no changes"]))
    elif asked.command == "destroy":
        if not _confirmed(asked):
            tell("Nothing was removed.")
            return 1
        destroy(deployment, data=asked.data)
    else:
        given = first_secrets.checked(json.loads(asked.first_secrets.read_text())) if _given(asked) else None
        made = rollback(deployment) if asked.command == "rollback" else deploy(deployment, given)
        tell("\n".join(_closing(made, deployment.reach(made.outputs))))
    return 0


def _given(asked: argparse.Namespace) -> bool:
    return asked.command == "deploy" and asked.first_secrets is not None


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    asked = _arguments(sys.argv[1:] if argv is None else argv)
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        try:
            return _run(asked, Path(folder))
        except InfraError as error:
            sys.stderr.write(f"{error}\n{error.hint}\n".rstrip() + "\n")
        except (BotoCoreError, ClientError) as error:
            sys.stderr.write(f"AWS says: {error}\nCredentials and region come from your environment or profile.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
