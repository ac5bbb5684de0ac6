"""What was counted, as units that have a price. What a run of a function takes is said here: no machine but AWS's can
measure it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from infra.aws.package import merge_template
from infra.aws.vendor import Target

from .meter import Meter
from .prices import dollars
from .world import World

HANDLER_MS: Final = 6.0
"""Of processor time for what a warm function does itself (the edges' budget: 5 ms, and one for what calls it)."""
CALL_MS: Final = 5.0
"""So long a call of DynamoDB, SQS or STS takes from within the region; they follow each other."""
LOG_BYTES: Final = 650
"""A run's own line, and the platform's START, END and REPORT."""
_PUTS: Final = frozenset(
    {"PutObject", "ListObjectsV2", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload"}
)
_TEMPLATE_NAMES: Final = {"edge": "Edge", "on_table": "OnTable", "on_minute": "OnMinute", "on_objects": "OnObjects"}


@cache
def memory_gb(function: str) -> float:
    """What the template gives a function."""
    resources: dict[str, Any] = merge_template(Target("arm64", "3.12"))["Resources"]
    return float(resources[_TEMPLATE_NAMES[function]]["Properties"]["MemorySize"]) / 1024


@dataclass
class Bill:
    """Units by price, and the calls behind them."""

    what: str
    units: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)

    def add(self, **units: float) -> None:
        """Take units; `_` stands for the dot in their names."""
        for name, amount in units.items():
            self.units[name.replace("_", ".", 1)] += amount

    def take(self, world: World) -> Bill:
        """Take what the functions of a world did."""
        for function, meter in world.spent.items():
            self.ran(function, world.runs[function], meter)
        return self

    def ran(self, function: str, runs: int, meter: Meter) -> None:
        """So many runs of a function asked for all that."""
        asked = sum(meter.calls.values())
        seconds = (runs * HANDLER_MS + asked * CALL_MS) / 1000
        self.add(lambda_request=runs, lambda_gb_s=seconds * memory_gb(function), logs_gb=runs * LOG_BYTES / 1e9)
        self.asked(meter)

    def asked(self, meter: Meter) -> None:
        """The calls alone, of whoever made them."""
        self.calls += meter.calls
        self.add(dynamodb_read=meter.read, dynamodb_write=meter.written)
        self.units["sqs"] += meter.of("sqs")
        self.units["secretsmanager"] += meter.of("secretsmanager")
        self.units["kms"] += meter.of("ssm")
        for call, times in meter.calls.items():
            service, _, operation = call.partition(".")
            if service == "s3":
                self.add(**{"s3_put" if operation in _PUTS else "s3_get": times})

    def times(self, factor: float, what: str = "") -> Bill:
        """The same so many times."""
        made = Bill(what or self.what, calls=Counter({call: round(n * factor) for call, n in self.calls.items()}))
        made.units.update({name: amount * factor for name, amount in self.units.items()})
        return made

    @property
    def dollars(self) -> float:
        """What it costs."""
        return dollars(self.units)

    def parts(self) -> Mapping[str, float]:
        """What each unit of it costs."""
        return {name: dollars({name: amount}) for name, amount in sorted(self.units.items()) if amount}
