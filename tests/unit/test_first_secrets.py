"""The first secrets: made once, encrypted, taken over from where versions before kept them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from infra.aws import first_secrets
from infra.aws.deployment import Deployment
from infra.aws.vendor import Target
from infra.errors import InfraError
from infra.secrets import first_secrets as made_up

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def deployment(tmp_path: Path, said: list[str]) -> Iterator[Deployment]:
    with mock_aws():
        yield Deployment("test", tmp_path, Target("arm64", "3.12"), KEYS, say=said.append)


def kept(deployment: Deployment) -> dict[str, str]:
    client = deployment.client("ssm")
    assert client.describe_parameters()["Parameters"][0]["Type"] == "SecureString"
    found: dict[str, str] = json.loads(
        client.get_parameter(Name="/sluice/test/bootstrap", WithDecryption=True)["Parameter"]["Value"]
    )
    return found


def test_they_are_made_once(deployment: Deployment) -> None:
    first, fresh = first_secrets.ensure(deployment)
    assert fresh
    assert first == kept(deployment)
    assert sorted(first) == sorted(first_secrets.NAMES)
    assert first_secrets.ensure(deployment, made_up()) == (first, False)


def test_those_of_the_owner_are_taken(deployment: Deployment) -> None:
    given = first_secrets.checked({"admin_password": "p" * 16})
    first, _ = first_secrets.ensure(deployment, given)
    assert first == given == kept(deployment)


def test_those_of_a_version_before_are_taken_over(deployment: Deployment, said: list[str]) -> None:
    before = made_up()
    client = deployment.client("secretsmanager")
    client.create_secret(Name="sluice/test/bootstrap", SecretString=json.dumps(before))
    assert first_secrets.ensure(deployment) == (before, False)
    assert kept(deployment) == before
    assert "delete-secret --secret-id sluice/test/bootstrap" in "\n".join(said)
    assert not [value for value in before.values() if value in "\n".join(said)]
    # A rollback to that version finds it where it was.
    assert json.loads(client.get_secret_value(SecretId="sluice/test/bootstrap")["SecretString"]) == before


def test_an_empty_one_of_a_version_before_is_nothing(deployment: Deployment) -> None:
    deployment.client("secretsmanager").create_secret(Name="sluice/test/bootstrap", SecretString="{}")
    first, fresh = first_secrets.ensure(deployment)
    assert fresh
    assert first == kept(deployment)


def test_what_a_parameter_cannot_hold_is_refused() -> None:
    with pytest.raises(InfraError, match="4096"):
        first_secrets.checked({"api_secret": "x" * 4096})
