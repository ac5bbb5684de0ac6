"""What the templates make, by golden file; what must never be made anew; what is watched."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from infra.aws.kept import replaced
from infra.aws.package import data_template, merge_template
from infra.aws.vendor import Target
from infra.paths import ROOT

Json = dict[str, Any]
GOLDEN = Path(__file__).with_name("golden") / "template.json"


@pytest.fixture(scope="module")
def template() -> Json:
    return merge_template(Target("arm64", "3.12"))


def made(*templates: Json) -> Json:
    """Of each resource, what it is and how it is called; of each queue and function, its limits, too."""
    wanted = (
        "TableName",
        "BucketName",
        "Name",
        "QueueName",
        "FunctionName",
        "Timeout",
        "MemorySize",
        "VisibilityTimeout",
    )
    found: Json = {}
    for resources in (each["Resources"] for each in templates):
        for name, resource in resources.items():
            properties = resource.get("Properties", {})
            found[name] = {"Type": resource.get("Type", ""), **{k: properties[k] for k in wanted if k in properties}}
    return dict(sorted(found.items()))


def test_the_templates_make_what_they_made(template: Json) -> None:
    """A change is seen in review. To take it over: `SLUICE_WRITE_GOLDEN=1 pytest` this file."""
    now = made(template, data_template())
    if os.environ.get("SLUICE_WRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    assert now == json.loads(GOLDEN.read_text())


def test_the_data_stays_the_same_place() -> None:
    kept = json.loads(GOLDEN.read_text())
    for name, resource in data_template()["Resources"].items():
        if name in ("Table", "Bucket", "MasterSecret"):
            for key in ("TableName", "BucketName", "Name"):
                assert resource["Properties"].get(key) == kept[name].get(key)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("Table", "TableName", "another"),
        ("Table", "KeySchema", [{"AttributeName": "pk", "KeyType": "HASH"}]),
        ("Bucket", "BucketName", "another"),
        ("MasterSecret", "Name", "another"),
    ],
)
def test_what_would_be_made_anew_is_found(name: str, key: str, value: object) -> None:
    before = data_template()["Resources"]
    after = copy.deepcopy(before)
    assert list(replaced(before, after)) == []
    after[name]["Properties"][key] = value
    assert list(replaced(before, after)) == [f"{name} would have another {key}"]
    del after[name]
    assert list(replaced(before, after)) == [f"{name} is not in the template any more"]


def test_what_may_change_may(template: Json) -> None:
    before = data_template()["Resources"]
    after = copy.deepcopy(before)
    after["Table"]["Properties"]["GlobalSecondaryIndexes"] = []
    del after["ObjectsQueue"]
    # What is in a parameter by now.
    before["BootstrapSecret"] = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "b"}}
    assert list(replaced(before, after)) == []


def test_every_function_and_every_queue_of_dead_letters_is_watched(template: Json) -> None:
    resources = template["Resources"]
    alarms = {n: r["Properties"] for n, r in resources.items() if r.get("Type") == "AWS::CloudWatch::Alarm"}
    functions = {n for n, r in resources.items() if "FunctionName" in r.get("Properties", {})}
    for metric in ("Errors", "Throttles"):
        watched = {a["Dimensions"][0]["Value"]["Ref"] for a in alarms.values() if a["MetricName"] == metric}
        assert watched == functions
    dead = [n for n in [*resources, *data_template()["Resources"]] if n.endswith("DeadLetters")]
    depth = [a for a in alarms.values() if a["MetricName"] == "ApproximateNumberOfMessagesVisible"]
    assert len(depth) == len(dead) == 4
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]
        assert alarm["AlarmDescription"]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_lines_that_are_counted_are_written(template: Json) -> None:
    """An alarm on a line that nothing writes would never come."""
    source = "".join(path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))
    filters = [r["Properties"] for r in template["Resources"].values() if r.get("Type") == "AWS::Logs::MetricFilter"]
    assert filters
    for each in filters:
        message = each["FilterPattern"].split('"')[1]
        assert re.search(rf'_log\.\w+\("{message}"', source), message
        assert each["LogGroupName"]["Ref"] in template["Resources"]


def test_the_dashboard_is_json(template: Json) -> None:
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    assert len(json.loads(body)["widgets"]) == 5
