"""The Chalice application: registers routes, holds the event functions, maps errors. No logic, no side effects."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from chalice import Rate, Response
from chalice.app import CaseInsensitiveMapping

from chalicelib.adapters.logs import MaskingFormatter, is_told, of_call
from chalicelib.routes import problems
from chalicelib.routes.application import Application
from chalicelib.routes.edge import edge
from chalicelib.routes.files import files
from chalicelib.routes.oryx import oryx
from chalicelib.routes.v1 import v1
from chalicelib.wire.tasks import ended_task
from chalicelib.wiring.services import Wiring, wiring

app = Application(app_name="sluice", configure_logs=False)
app.api.binary_types = ["*/*"]
app.register_blueprint(edge)
app.register_blueprint(files)
app.register_blueprint(oryx)
app.register_blueprint(v1)

log = Logger(service="sluice", logger_formatter=MaskingFormatter())


# Chalice would answer 500 to whatever a view raises, and hide it from middleware.
for _entry in (entry for methods in app.routes.values() for entry in methods.values()):
    _entry.view_function = problems.answering(_entry.view_function)


@app.middleware("http")
def one_line_each(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """A request is one log line, if it is worth one. Chalice, for which every type counts as binary here, insists on an
    `Accept` that clients may leave out.
    """
    begun = time.perf_counter()
    event.headers = CaseInsensitiveMapping({"accept": "*/*", **event.headers})
    response = problems.as_sent(get_response(event))
    context = event.context or {}
    extra = {
        "method": context.get("httpMethod", ""),
        "route": context.get("resourcePath", ""),
        "status": response.status_code,
        "duration_ms": _since(begun),
    }
    if is_told(event.lambda_context, extra["method"], extra["route"], extra["status"], extra["duration_ms"]):
        log.info("request", extra=extra | of_call(event.lambda_context))
    return response


def _since(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)


def _batch(event: Any, context: Any, name_of: Callable[[Any], str], handle: Callable[[Any], None]) -> dict[str, Any]:
    """Handle each record by itself; the failed ones, and only they, come back (AWS documentation, 'Reporting batch item
    failures'). `name_of` gives what AWS calls a record by.
    """
    begun = time.perf_counter()
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            handle(record)
        except Exception:
            # Whatever goes back to its queue says why: otherwise a poisoned record is a riddle.
            log.warning("record_failed", extra={"function": handle.__name__}, exc_info=True)
            failed.append({"itemIdentifier": name_of(record)})
    extra = {"function": handle.__name__, "records": len(event["Records"]), "failed": len(failed)}
    log.info("batch", extra=extra | {"duration_ms": _since(begun)} | of_call(context))
    return {"batchItemFailures": failed}


def _sequence(record: Any) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _message(record: Any) -> str:
    return str(record["messageId"])


def _table_record(record: Any) -> None:
    wiring.follow(record)


@app.on_dynamodb_record(stream_arn="TABLE_STREAM_ARN_PLACEHOLDER", batch_size=100, starting_position="LATEST")
def on_table(event: Any) -> dict[str, Any]:
    """What follows from changes of the table."""
    return _batch(event.to_dict(), event.context, _sequence, _table_record)


def _callback_record(record: Any) -> None:
    message = json.loads(record["body"])
    if "nodes" in message:  # many are told by shares: a queue of their own would be polled all day
        wiring.telling.share(message["nodes"])
    else:
        wiring.callbacks.deliver(message["delivery"])


@app.on_sqs_message(queue_arn="CALLBACKS_QUEUE_ARN_PLACEHOLDER", batch_size=10)
def on_callbacks(event: Any) -> dict[str, Any]:
    """Callbacks that are due, and nodes that are to be told something."""
    return _batch(event.to_dict(), event.context, _message, _callback_record)


@app.on_sqs_message(queue_arn="FINISH_QUEUE_ARN_PLACEHOLDER", batch_size=1)
def on_finish(event: Any) -> dict[str, Any]:
    """Recordings to finish."""

    def finish(record: Any) -> None:
        wiring.once.run(
            lambda m: wiring.finisher.finish(m["recording"], unless_done="held" in m),
            json.loads(record["body"]),
            event.context,
        )

    return _batch(event.to_dict(), event.context, _message, finish)


def _object_record(record: Any) -> None:
    for entry in json.loads(record["body"]).get("Records", []):
        wiring.announcements.arrived(entry["s3"]["object"]["key"])


@app.on_sqs_message(queue_arn="OBJECTS_QUEUE_ARN_PLACEHOLDER", batch_size=10)
def on_objects(event: Any) -> dict[str, Any]:
    """Manifests that arrived in the store."""
    return _batch(event.to_dict(), event.context, _message, _object_record)


@app.on_cw_event({"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"]})
def on_task(event: Any) -> None:
    """Tasks that have ended."""
    task = ended_task(event.detail)
    log.info("task", extra={"tried_again": task is not None and wiring.ended_tasks.ended(task)})


_SWEEPS: dict[str, Callable[[Wiring], int]] = {
    "callbacks": lambda w: w.callbacks.sweep(),
    "dispatch": lambda w: w.dispatch.sweep(),
    "indexed": lambda w: int(w.pushes.wanting.rebuild()) + int(w.source_leases.finding.rebuild()),
    "snapshots": lambda w: int(w.snapshots.sweep()),
    "cards": lambda w: w.test_cards.sweep(),
    "sources": lambda w: w.source_leases.sweep(),
    "abandoned": lambda w: w.abandoned.sweep(),
    "trash_emptied": lambda w: w.trash.sweep(),
    "recordings_retired": lambda w: w.trash.retain(),
    "nodes_lost": lambda w: w.liveness.check(),
    "pushes_freed": lambda w: w.takeover.sweep(),
    "sessions_limited": lambda w: w.limits.sweep(),
}


@app.schedule(Rate(1, unit=Rate.MINUTES))
def on_minute(event: Any) -> None:
    """What is due, what was lost on its way, who has fallen silent."""
    done = {name: _swept(name, sweep) for name, sweep in _SWEEPS.items()}
    log.info("minute", extra=done)


def _swept(name: str, sweep: Callable[[Wiring], int]) -> int:
    """Do one sweep. One that fails keeps no other from its work, and is done again in a minute."""
    try:
        return sweep(wiring)
    except Exception:
        log.exception("sweep_failed", extra={"sweep": name})
        return 0
