"""What AWS asks for what is counted: the one table. In US dollars, us-east-1, on demand, without free tiers.

Source: AWS's public price pages of DynamoDB, Lambda, S3, SQS, Secrets Manager, Key Management
Service and CloudWatch, as of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PRICES: Final[Mapping[str, float]] = {
    "dynamodb.write": 0.625e-6,
    "dynamodb.read": 0.125e-6,
    "sqs": 0.40e-6,
    "s3.put": 0.005e-3,
    "s3.get": 0.0004e-3,
    "lambda.request": 0.20e-6,
    "lambda.gb_s": 0.0000133334,
    "logs.gb": 0.50,
    "secret.month": 0.40,
    "alarm.month": 0.10,
    "dashboard.month": 3.00,
    "sts": 0.0,
    "secretsmanager": 0.05e-4,
    "kms": 0.03e-4,
}
"""A unit of each. `kms` decrypts a parameter, which itself costs nothing. `s3.put` are PUT, LIST and parts;
`lambda.gb_s` is on arm64."""


@dataclass(frozen=True, slots=True)
class Target:
    """What something may cost at the most."""

    what: str
    dollars: float


TARGETS: Final = {
    "stream_hours": Target("1,000 stream-hours, 10 s segments", 2.30),
    "stream_hours_pushed": Target("1,000 stream-hours with one push each", 2.50),
    "finishing": Target("finishing 1,000 recordings of an hour", 1.20),
    "idle_node": Target("an idle node, a month", 0.20),
    "idle_installation": Target("an idle installation, a month", 1.50),
}


def dollars(units: Mapping[str, float]) -> float:
    """What so many units cost.

    Raises:
        KeyError: a unit has no price.
    """
    return sum(PRICES[name] * amount for name, amount in units.items())
