"""One role for each function, with what that function does and no more.

`app.py` names the functions; this module says what each may touch. `roles()` returns CloudFormation resources, which
packaging merges into the template. Nothing here uses `*` as a resource.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def _sub(text: str) -> Json:
    return {"Fn::Sub": text}


def _arn(resource: str) -> Json:
    return {"Fn::GetAtt": [resource, "Arn"]}


def _allow(actions: list[str], *resources: Any, condition: Json | None = None) -> Json:
    statement: Json = {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
    return statement | ({"Condition": condition} if condition else {})


# What outlives the functions is named by its stage (infra/aws/data.yaml).
_TABLE_ARN = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/sluice-${Stage}"
_QUEUES = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:sluice-${Stage}-"
_BUCKET = "arn:${AWS::Partition}:s3:::sluice-${Stage}-${AWS::AccountId}-${AWS::Region}"
_NODE_QUEUES = _sub(_QUEUES + "node-*")
_NODE_ROLE = _sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/sluice-${Stage}-node")
_RECORDINGS = _sub(_BUCKET + "/recordings/*")
_SNAPSHOTS = _sub(_BUCKET + "/snapshots/*")


_TABLE = _allow(
    ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"],
    _sub(_TABLE_ARN),
    _sub(_TABLE_ARN + "/index/*"),
)
_ONCE = _allow(["dynamodb:UpdateItem"], _sub(_TABLE_ARN))
"""Of Powertools' idempotency, by which a message is worked on once."""
_TABLE_STREAM = _allow(
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
    {"Ref": "TableStream"},
)
_MASTER_KEY = _allow(
    ["secretsmanager:GetSecretValue"],
    # Secrets Manager appends a dash and six characters to the name (AWS documentation, 'ARN of a secret').
    _sub("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:sluice/${Stage}/master-??????"),
)
# Encrypted with AWS's own key of Systems Manager, which who may read a parameter may use by it.
_BOOTSTRAP = _allow(
    ["ssm:GetParameter"],
    _sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/sluice/${Stage}/bootstrap"),
)
# On the whole bucket: with a condition on the prefix, S3 says 403 of an object that is not there, and not 404.
_LIST = _allow(["s3:ListBucket"], _sub(_BUCKET))
_READ = _allow(["s3:GetObject"], _RECORDINGS)
_WRITE = _allow(["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], _RECORDINGS)
_SNAPSHOTS_MAKE = _allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], _SNAPSHOTS)
_DELETE = _allow(["s3:DeleteObject"], _RECORDINGS)
_NODE_QUEUES_MAKE = _allow(["sqs:CreateQueue"], _NODE_QUEUES)
_NODE_QUEUES_REMOVE = _allow(["sqs:DeleteQueue"], _NODE_QUEUES)
_NUDGE = _allow(["sqs:SendMessage"], _NODE_QUEUES)
_TASK_ROLES = [_arn("FinishTaskRole"), _arn("TaskStartRole")]
_RUN_TASKS = _allow(
    ["ecs:RunTask"],
    _sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task-definition/sluice-${Stage}-finish:*"),
)
_GIVE_ROLES_TO_TASKS = _allow(
    ["iam:PassRole"], *_TASK_ROLES, condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
)
_READ_FUNCTION = _allow(
    ["lambda:GetFunction"],
    _sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:sluice-${Stage}-on-finish"),
)
_READ_LAYER = _allow(
    ["lambda:GetLayerVersion"],
    _sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:sluice-${Stage}-ffmpeg:*"),
)
_GRANT_NODES = _allow(["sts:AssumeRole"], _NODE_ROLE)


def _send(*queues: str) -> Json:
    return _allow(["sqs:SendMessage"], *[_arn(queue) for queue in queues])


def _consume(queue: str) -> Json:
    return _allow(
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
        _sub(_QUEUES + "objects") if queue == "ObjectsQueue" else _arn(queue),
    )


_LETTERS = _allow(
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    *[_arn(f"{name}DeadLetters") for name in ("Callbacks", "Finish", "Stream")],
    _sub(_QUEUES + "objects-dead"),
)
_LETTERS_BACK = _allow(["sqs:SendMessage"], _sub(_QUEUES + "objects"))
_LOST_CHANGES = _allow(["dynamodb:GetRecords", "dynamodb:GetShardIterator"], {"Ref": "TableStream"})
_FINISH = [_TABLE, _LIST, _READ, _WRITE, _DELETE, _send("CallbacksQueue", "FinishQueue"), _MASTER_KEY]

# Which role serves which function is said in template.yaml; the name before `Role` also names its log group.
_GRANTS: dict[str, list[Json]] = {
    "Api": [
        _TABLE,
        _NUDGE,
        _NODE_QUEUES_REMOVE,
        _send("CallbacksQueue", "FinishQueue"),
        _LIST,
        _READ,
        _DELETE,
        _MASTER_KEY,
        _BOOTSTRAP,
        _LETTERS,
        _LETTERS_BACK,
        _LOST_CHANGES,
    ],
    "Edge": [_TABLE, _SNAPSHOTS_MAKE, _NODE_QUEUES_MAKE, _NUDGE, _GRANT_NODES, _MASTER_KEY, _BOOTSTRAP],
    "OnTable": [
        _TABLE,
        _SNAPSHOTS_MAKE,
        _TABLE_STREAM,
        _NUDGE,
        _send("CallbacksQueue", "FinishQueue", "StreamDeadLetters"),
        _MASTER_KEY,
        _BOOTSTRAP,
    ],
    "OnCallbacks": [_TABLE, _NUDGE, _send("CallbacksQueue"), _consume("CallbacksQueue"), _MASTER_KEY],
    "OnFinish": [*_FINISH, _ONCE, _consume("FinishQueue"), _RUN_TASKS, _GIVE_ROLES_TO_TASKS],
    "OnTask": [_TABLE, _send("FinishQueue"), _MASTER_KEY],
    "OnObjects": [_TABLE, _LIST, _READ, _send("FinishQueue"), _consume("ObjectsQueue"), _MASTER_KEY],
    "OnMinute": [
        _TABLE,
        _SNAPSHOTS_MAKE,
        _LIST,
        _DELETE,
        _NUDGE,
        _send("CallbacksQueue", "FinishQueue"),
        _MASTER_KEY,
        _BOOTSTRAP,
    ],
}


def _policy(statements: list[Json]) -> Json:
    return {"PolicyName": "what-it-does", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}


def _trust(principal: Json) -> Json:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }


def _function_role(name: str, grants: list[Json]) -> Json:
    # Log groups are made by the template, so no function may create one.
    logs = _allow(["logs:CreateLogStream", "logs:PutLogEvents"], _arn(f"{name}Logs"))
    trust = _trust({"Service": "lambda.amazonaws.com"})
    tracing = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": trust,
            "Policies": [_policy([logs, *grants])],
            "ManagedPolicyArns": {"Fn::If": ["Traced", [tracing], {"Ref": "AWS::NoValue"}]},
        },
    }


def _node_role() -> Json:
    """What edges become through the edge function, each narrowed by a session policy to its own prefix and queue.

    It carries a name, because the edge function's role names it and is named by it: references would go in a circle.
    """
    upload = _allow(["s3:PutObject"], _RECORDINGS)
    poll = _allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], _NODE_QUEUES)
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": _sub("sluice-${Stage}-node"),
            "AssumeRolePolicyDocument": _trust({"AWS": _arn("EdgeRole")}),
            "Policies": [_policy([upload, poll])],
        },
    }


def _task_role(grants: list[Json]) -> Json:
    trust = _trust({"Service": "ecs-tasks.amazonaws.com"})
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust, "Policies": [_policy(grants)]},
    }


def roles() -> Json:
    """The resources to merge: `<Name>Role` of each function, `NodeRole`, and what tasks are started with and run as."""
    functions = {f"{name}Role": _function_role(name, grants) for name, grants in _GRANTS.items()}
    logs = _allow(["logs:CreateLogStream", "logs:PutLogEvents"], _arn("FinishTaskLogs"))
    tasks = {
        "FinishTaskRole": _task_role([*_FINISH, _READ_FUNCTION, _READ_LAYER]),
        "TaskStartRole": _task_role([logs]),
    }
    return functions | tasks | {"NodeRole": _node_role()}
