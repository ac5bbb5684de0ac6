"""Alarms, dashboard and budget of an installation, generated from its functions and queues, so that none is forgotten.

`watch()` returns what packaging merges into the template. An alarm tells a topic, and its mailbox if one was given. It
asks for a state of several minutes, since one lost minute of one function is no reason to wake anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Json = dict[str, Any]

_SPACE: Final = "Sluice"
_DEAD_LETTERS: Final = {
    "Callbacks": {"Fn::GetAtt": ["CallbacksDeadLetters", "QueueName"]},
    "Finish": {"Fn::GetAtt": ["FinishDeadLetters", "QueueName"]},
    "Stream": {"Fn::GetAtt": ["StreamDeadLetters", "QueueName"]},
    "Objects": {"Fn::Sub": "sluice-${Stage}-objects-dead"},
}
_OWN: Final = {
    "NodeOffline": ("OnMinute", '{ $.message = "node_lost" }', "A node is silent: `sluice nodes list` says which"),
    "PushFailing": ("Edge", '{ $.message = "push_failing" }', "A destination fails: the console says which, and why"),
    "FinishFailing": (
        "OnFinish",
        '{ $.message = "recording_finished" && $.state = "failed" }',
        "A recording could not be finished: the console says which, and why",
    ),
    "CertificateEnding": (
        "Edge",
        '{ $.message = "certificate_ending" }',
        "A node's certificate is not renewed: the page of the node says why",
    ),
}
"""What is counted of our own log lines: in the log of which function, which lines, and what to do."""


def watch(functions: Mapping[str, str]) -> Json:
    """Parameters, conditions and resources. `functions`: name of each function's resource, and its name's last part."""
    return {
        "Parameters": {
            "AlarmMail": _text("Who is told of alarms; empty means that there are none"),
            "MonthlyBudget": {
                "Type": "Number",
                "Default": 0,
                "Description": "Dollars a month after which AlarmMail is told, at 80 % and at 100 %; 0 means no budget",
            },
        },
        "Conditions": {
            "HasMail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmMail"}, ""]}]},
            "HasBudget": {
                "Fn::And": [
                    {"Condition": "HasMail"},
                    {"Fn::Not": [{"Fn::Equals": [{"Ref": "MonthlyBudget"}, 0]}]},
                ]
            },
        },
        "Resources": {
            "Alarms": {
                "Type": "AWS::SNS::Topic",
                "Condition": "HasMail",
                "Properties": {"TopicName": _named("alarms")},
            },
            "AlarmsMail": {
                "Type": "AWS::SNS::Subscription",
                "Condition": "HasMail",
                "Properties": {"TopicArn": {"Ref": "Alarms"}, "Protocol": "email", "Endpoint": {"Ref": "AlarmMail"}},
            },
            **_of_functions(functions),
            **_of_queues(),
            **_of_our_own(),
            "Dashboard": _dashboard(functions),
            "Budget": _budget(),
        },
    }


def _text(words: str) -> Json:
    return {"Type": "String", "Default": "", "Description": words}


def _named(name: str) -> Json:
    return {"Fn::Sub": f"sluice-${{Stage}}-{name}"}


def _alarm(name: str, words: str, space: str, metric: str | Json, dimensions: Json, **more: Any) -> Json:
    """At least one, in three of five minutes, unless `more` says otherwise."""
    usual = {
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 5,
        "DatapointsToAlarm": 3,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        # A function that nobody called has no errors.
        "TreatMissingData": "notBreaching",
    }
    return {
        "Type": "AWS::CloudWatch::Alarm",
        # Each costs a dime a month, and without an address it tells nobody.
        "Condition": "HasMail",
        "Properties": {
            "AlarmName": _named(name),
            "AlarmDescription": words,
            "Namespace": space,
            "MetricName": metric,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
            **usual,
            **more,
        },
    }


def _of_functions(functions: Mapping[str, str]) -> Json:
    made: Json = {}
    for resource, name in functions.items():
        whose = {"FunctionName": {"Ref": resource}}
        words = f"{name} fails: /aws/lambda/sluice-<stage>-{name} says why"
        made[f"{resource}Errors"] = _alarm(f"{name}-errors", words, "AWS/Lambda", "Errors", whose)
        words = f"{name} is throttled: the account runs too many functions at once"
        made[f"{resource}Throttles"] = _alarm(f"{name}-throttles", words, "AWS/Lambda", "Throttles", whose)
    age = {"Statistic": "Maximum", "Threshold": 60_000}
    words = "What follows from changes of the table is more than a minute late"
    whose = {"FunctionName": {"Ref": "OnTable"}}
    return made | {"StreamLate": _alarm("stream-late", words, "AWS/Lambda", "IteratorAge", whose, **age)}


def _of_queues() -> Json:
    words = "Work was given up: `sluice dead-letters list` shows it, `redrive` tries it again"
    held = {"Statistic": "Maximum", "EvaluationPeriods": 1, "DatapointsToAlarm": 1}
    return {
        f"{name}GivenUp": _alarm(
            f"{name.lower()}-given-up",
            words,
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": queue},
            **held,
        )
        for name, queue in _DEAD_LETTERS.items()
    }


def _of_our_own() -> Json:
    once = {"EvaluationPeriods": 1, "DatapointsToAlarm": 1}
    made: Json = {}
    for name, (function, lines, words) in _OWN.items():
        metric = _named(name)
        made[f"{name}Lines"] = {
            "Type": "AWS::Logs::MetricFilter",
            "Condition": "HasMail",
            "Properties": {
                "LogGroupName": {"Ref": f"{function}Logs"},
                "FilterPattern": lines,
                "MetricTransformations": [{"MetricNamespace": _SPACE, "MetricName": metric, "MetricValue": "1"}],
            },
        }
        made[name] = _alarm(_dashed(name), words, _SPACE, metric, {}, **once)
    return made


def _dashed(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _dashboard(functions: Mapping[str, str]) -> Json:
    names = [f"sluice-${{Stage}}-{name}" for name in functions.values()]
    calls = [["AWS/Lambda", "Invocations", "FunctionName", name] for name in names]
    errors = [["AWS/Lambda", "Errors", "FunctionName", name] for name in names]
    took = [["AWS/Lambda", "Duration", "FunctionName", name, {"stat": "p99"}] for name in names]
    table = [
        ["AWS/DynamoDB", f"Consumed{kind}CapacityUnits", "TableName", "sluice-${Stage}"] for kind in ("Read", "Write")
    ]
    own = [[_SPACE, f"sluice-${{Stage}}-{name}"] for name in _OWN]
    panels = (
        ("Calls a minute", calls),
        ("Errors", errors),
        ("Duration, p99, ms", took),
        ("Units of the table a minute", table),
        ("What needs somebody", own),
    )
    body = json.dumps({"widgets": list(_widgets(panels))})
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Condition": "HasMail",
        "Properties": {"DashboardName": {"Fn::Sub": "sluice-${Stage}"}, "DashboardBody": {"Fn::Sub": body}},
    }


def _widgets(panels: Iterable[tuple[str, list[list[Any]]]]) -> Iterable[Json]:
    for number, (title, metrics) in enumerate(panels):
        yield {
            "type": "metric",
            "x": 12 * (number % 2),
            "y": 6 * (number // 2),
            "width": 12,
            "height": 6,
            "properties": {
                "title": title,
                "region": "${AWS::Region}",
                "metrics": metrics,
                "stat": "Sum",
                "period": 60,
                "view": "timeSeries",
            },
        }


def _budget() -> Json:
    told = [{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmMail"}}]
    at = [
        {
            "Notification": {
                "NotificationType": "ACTUAL",
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": percent,
                "ThresholdType": "PERCENTAGE",
            },
            "Subscribers": told,
        }
        for percent in (80, 100)
    ]
    return {
        "Type": "AWS::Budgets::Budget",
        "Condition": "HasBudget",
        "Properties": {
            "Budget": {
                "BudgetName": {"Fn::Sub": "sluice-${Stage}"},
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"},
            },
            "NotificationsWithSubscribers": at,
        },
    }
