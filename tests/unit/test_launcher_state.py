"""What is done to the embedded cloud's saved state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.local.keeper import _take_log_lines
from infra.local.state import forget_stream_positions, move_to_port


def test_stream_handlers_begin_at_the_beginning(tmp_path: Path) -> None:
    positions = {"__account_region_scoped__": True, "data": {"a": 17, "b": 3}}
    saved = {"__ministack_format__": 2, "payload": {"functions": {}, "dynamodb_stream_positions": positions}}
    (tmp_path / "lambda.json").write_text(json.dumps(saved))
    forget_stream_positions(tmp_path)
    after = json.loads((tmp_path / "lambda.json").read_text())
    assert after["payload"]["dynamodb_stream_positions"]["data"] == {"a": 0, "b": 0}
    assert after["payload"]["functions"] == {}


def test_nothing_to_forget_at_the_first_start(tmp_path: Path) -> None:
    forget_stream_positions(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_queues_follow_the_gateway_to_another_port(tmp_path: Path) -> None:
    move_to_port(tmp_path, 2300)
    (tmp_path / "sqs.json").write_text('{"http://127.0.0.1:2300/0/q": "http://127.0.0.1:23001/kept"}')
    move_to_port(tmp_path, 2399)
    assert (tmp_path / "sqs.json").read_text() == '{"http://127.0.0.1:2399/0/q": "http://127.0.0.1:23001/kept"}'


def _group(created: float, *messages: str) -> dict[str, Any]:
    events = [{"timestamp": created, "message": message} for message in messages]
    return {"streams": {f"stream-{created}": {"creationTime": created, "events": events}}}


def test_settled_logs_are_taken_and_the_others_left() -> None:
    groups = {
        ("0", "r", "/aws/lambda/api"): _group(1000, "START RequestId: 1", "hello", "END RequestId: 1"),
        ("0", "r", "/aws/lambda/on-table"): _group(9000, "too fresh"),
    }
    lines = [text for _, text in _take_log_lines(groups, before_ms=5000)]
    assert lines == ["1970-01-01T00:00:01.000+00:00 api hello\n"]
    assert [len(group["streams"]) for group in groups.values()] == [0, 1]
