"""The packaged functions, deployed by the real commands: reached, and deployed again without a change."""

from __future__ import annotations

import httpx
import pytest

from infra.aws.deploy import deploy, diff
from infra.errors import InfraError
from infra.local.supervisor import Supervisor
from tests.conftest import free_port

from .cloud import STAGE, Cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def call(cloud: Cloud, method: str, path: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {cloud.first['api_secret']}"}
    return httpx.request(method, cloud.url + path, headers=headers, timeout=30, trust_env=False, **more)  # type: ignore[arg-type]


def test_the_api_answers_and_keeps_what_it_is_told(cloud: Cloud) -> None:
    assert call(cloud, "GET", "/v1/health").status_code == 200
    answer = call(cloud, "PATCH", "/v1/settings/record", json={"merge_window_s": 11})
    assert answer.status_code == 200, answer.text
    assert call(cloud, "GET", "/v1/settings/record").json()["merge_window_s"] == 11


def test_a_client_that_sends_no_accept_reads_text(cloud: Cloud) -> None:
    with httpx.Client(trust_env=False) as client:
        del client.headers["accept"]
        assert client.get(f"{cloud.url}/v1/health", timeout=30).json() == {"status": "ok"}


def test_there_is_nothing_to_change_after_a_deployment(cloud: Cloud) -> None:
    assert diff(cloud.deployment()) == []


def test_items_expire(cloud: Cloud) -> None:
    found = cloud.deployment().client("dynamodb").describe_time_to_live(TableName=f"sluice-{STAGE}")
    assert found["TimeToLiveDescription"]["AttributeName"] == "expires_at"


def test_a_table_without_its_stack_is_not_overwritten(tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Cloud(tmp_path_factory.mktemp("other"), free_port())
    supervisor = Supervisor(lambda _: None, lambda: False)
    try:
        supervisor.start(other.child())
        other.deployment().client("dynamodb").create_table(
            TableName=f"sluice-{STAGE}",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        with pytest.raises(InfraError, match="There is a table"):
            deploy(other.deployment())
    finally:
        supervisor.stop()
