"""The template and the roles, without packaging anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.layout import LAYOUTS
from chalicelib.domain.model.destinations import PushStatus
from chalicelib.domain.model.nodes import Heartbeat, NodeTold
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.services.dispatch import follows
from infra.aws.package import data_template, merge_template
from infra.aws.policies import roles
from infra.aws.vendor import Target
from infra.paths import ROOT
from tests.package.cold_start import PLACES

Json = dict[str, Any]

TARGET = Target("arm64", "3.12")
FUNCTIONS = {
    "APIHandler": "Api",
    "Edge": "Edge",
    "OnTable": "OnTable",
    "OnCallbacks": "OnCallbacks",
    "OnFinish": "OnFinish",
    "OnObjects": "OnObjects",
    "OnMinute": "OnMinute",
    "OnTask": "OnTask",
}


@pytest.fixture(scope="module")
def resources() -> Json:
    found: Json = merge_template(TARGET)["Resources"]
    return found


def _statements(role: Json) -> Iterator[Json]:
    for policy in role["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@pytest.mark.parametrize("name", sorted(roles()))
def test_no_role_may_do_everything_or_touch_everything(name: str) -> None:
    for statement in _statements(roles()[name]):
        assert statement["Resource"], statement
        assert "*" not in list(_texts(statement["Resource"]))
        assert not [action for action in statement["Action"] if "*" in action]


def test_every_function_has_its_own_role_and_log_group(resources: Json) -> None:
    for function, name in FUNCTIONS.items():
        properties = resources[function]["Properties"]
        assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        group = resources[f"{name}Logs"]["Properties"]["LogGroupName"]["Fn::Sub"]
        assert group == f"/aws/lambda/{properties['FunctionName']['Fn::Sub']}"
        assert {"Fn::GetAtt": [f"{name}Logs", "Arn"]} in next(_statements(resources[f"{name}Role"]))["Resource"]


def test_few_read_the_first_secrets_and_only_the_edges_function_hands_out_node_credentials() -> None:
    """The doors, and who makes what all nodes are told: the first publish secret is in it until there is another."""
    for name, role in roles().items():
        statements = list(_statements(role))
        bootstrap = any("sluice/${Stage}/bootstrap" in text for text in _texts(statements))
        assert bootstrap == (name in ("ApiRole", "EdgeRole", "OnTableRole", "OnMinuteRole"))
        assert any("sts:AssumeRole" in s["Action"] for s in statements) == (name == "EdgeRole")


def test_a_node_may_upload_and_be_nudged_and_no_more() -> None:
    actions = {action for statement in _statements(roles()["NodeRole"]) for action in statement["Action"]}
    assert actions == {"s3:PutObject", "sqs:ReceiveMessage", "sqs:DeleteMessage"}
    trust = roles()["NodeRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert trust == {"AWS": {"Fn::GetAtt": ["EdgeRole", "Arn"]}}


def test_a_queue_outlasts_its_function_six_times(resources: Json) -> None:
    all_of_them = resources | data_template()["Resources"]
    for function, queue in (
        ("OnCallbacks", "CallbacksQueue"),
        ("OnFinish", "FinishQueue"),
        ("OnObjects", "ObjectsQueue"),
    ):
        assert all_of_them[queue]["Properties"]["VisibilityTimeout"] >= 6 * resources[function]["Properties"]["Timeout"]
        assert all_of_them[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5


def test_event_sources_take_partial_answers(resources: Json) -> None:
    for function in ("OnTable", "OnCallbacks", "OnFinish", "OnObjects"):
        (source,) = resources[function]["Properties"]["Events"].values()
        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_stream_hands_over_what_something_follows_from_and_no_heartbeat(resources: Json) -> None:
    (source,) = resources["OnTable"]["Properties"]["Events"].values()
    written, removed = (json.loads(f["Pattern"]) for f in source["Properties"]["FilterCriteria"]["Filters"])
    kinds = {kind for kind, layout in LAYOUTS.items() if layout.tag in written["dynamodb"]["NewImage"]["kind"]["S"]}
    assert kinds == {kind for kind in LAYOUTS if follows(kind)}
    assert not {Heartbeat, NodeTold, Session, OpenSession, PushStatus} & kinds
    assert removed["eventName"] == ["REMOVE"]
    assert removed["dynamodb"]["OldImage"]["kind"]["S"] == ["destination", "room_secret", "source"]
    assert all(len(f["Pattern"]) < 4096 for f in source["Properties"]["FilterCriteria"]["Filters"])


def test_data_outlives_its_stack_but_not_a_first_deployment_that_fails(resources: Json) -> None:
    kept = data_template()["Resources"]
    for name in ("Table", "Bucket", "MasterSecret"):
        assert kept[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert kept[name]["UpdateReplacePolicy"] == "Retain"
    stateful = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret")
    assert not [name for name, resource in resources.items() if resource.get("Type") in stateful]


def test_only_manifests_are_announced() -> None:
    (configuration,) = data_template()["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"][
        "QueueConfigurations"
    ]
    rules = {rule["Name"]: rule["Value"] for rule in configuration["Filter"]["S3Key"]["Rules"]}
    assert rules == {"prefix": "recordings/", "suffix": ".json"}


def test_no_secret_is_in_an_environment() -> None:
    variables = merge_template(TARGET)["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["SLUICE_BOOTSTRAP"] == {"Fn::Sub": "/sluice/${Stage}/bootstrap"}
    assert not [text for text in _texts(data_template()) if "bootstrap" in text]


def test_a_start_looks_for_no_plugins() -> None:
    """As it was measured (tests/package/cold_start.py)."""
    variables = merge_template(TARGET)["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["PYDANTIC_DISABLE_PLUGINS"] == PLACES["PYDANTIC_DISABLE_PLUGINS"]


def test_no_partition_of_aws_is_fixed(resources: Json) -> None:
    for text in [*_texts(resources), *_texts(data_template()["Resources"])]:
        assert "arn:aws:" not in text
        # Principals of services are named alike everywhere.
        assert not text.endswith("amazonaws.com") or text.partition(".")[0] in (
            "lambda",
            "s3",
            "cloudfront",
            "ecs-tasks",
        )


def test_each_place_of_a_path_has_one_parameter() -> None:
    """API Gateway refuses a resource beside a sibling whose path parameter has another name."""
    from app import app

    names: dict[str, set[str]] = {}
    for path in app.routes:
        parts = path.strip("/").split("/")
        for depth, part in enumerate(parts):
            if part.startswith("{"):
                parent = "/".join("{}" if p.startswith("{") else p for p in parts[:depth])
                names.setdefault(parent, set()).add(part)
    assert {parent: found for parent, found in names.items() if len(found) > 1} == {}


_FOR_US = {
    # What AWS does in the name of a function that works off a queue or the stream.
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
    "dynamodb:DescribeStream",
    "dynamodb:ListStreams",
    # What it writes of what functions and tasks say, and asks before it runs a task as a role.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "iam:PassRole",
    # Of Powertools' idempotency.
    "dynamodb:UpdateItem",
    # Of boto3's upload of a large file, when it breaks off.
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
}
_CALLED_AS = {"s3:ListBucket": "list_objects_v2"}


def test_nothing_is_allowed_that_nobody_calls() -> None:
    places = [ROOT / "chalicelib", ROOT / "edge", ROOT / "infra" / "aws" / "functions"]
    source = "".join(path.read_text() for place in places for path in place.rglob("*.py"))
    allowed = {a for role in roles().values() for statement in _statements(role) for a in statement["Action"]}
    for action in allowed - _FOR_US:
        name = action.partition(":")[2]
        snake = _CALLED_AS.get(action, "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_"))
        assert f'"{name}"' in source or f'"{snake}"' in source or f".{snake}(" in source, action
