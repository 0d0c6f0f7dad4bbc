"""Structured logs and metrics. One JSON line an event; the scan id travels in the context of the request."""

import logging
import sys
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, event
from structlog.typing import Processor

from foundation import clock

scans_total = Counter("onecode_scans_total", "Scans answered", ["verdict"])
scan_seconds = Histogram(
    "onecode_scan_seconds",
    "From the request's arrival to its answer",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
request_seconds = Histogram(
    "onecode_request_seconds",
    "Every request by route, from its arrival to its answer",
    ["method", "route", "status"],
    buckets=(0.005, 0.02, 0.05, 0.2, 1, 5),
)
database_seconds = Histogram(
    "onecode_database_seconds",
    "Statements, from sending to the last row",
    ["kind"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
)
marked_actors = Gauge("onecode_door_marked_actors", "Phones, members and networks refused at the door just now")
followed_behind_s = Gauge("onecode_followed_behind_seconds", "Age of the oldest scan or order not yet followed")
outbox_rows = Gauge("onecode_outbox_rows", "Work waiting to be handed to the background")
judged_lag_s = Gauge("onecode_judged_lag_seconds", "How far the judgement of stretches is behind the clock")
judged_runs_total = Counter("onecode_judged_runs_total", "Runs of the judgement of stretches", ["kind", "outcome"])
webhook_messages = Gauge("onecode_webhook_messages", "Webhook messages by state", ["state"])
batch_scans = Histogram("onecode_batch_scans", "Scans in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
batch_retries_total = Counter("onecode_batch_retries_total", "Batches that were tried again", ["why"])
refused_total = Counter("onecode_door_refused_total", "Scans refused at the door, not judged", ["actor"])
webhooks_total = Counter("onecode_webhooks_total", "Webhook messages sent, by what came of it", ["outcome"])
rule_failures_total = Counter(
    "onecode_rule_failures_total", "Detection rules that contributed nothing, by why", ["why"]
)
queue_scans = Gauge("onecode_queue_scans", "Scans waiting for a transaction")


def configure_logging(level: str, *, stream: object = None) -> None:
    """JSON lines to standard error; libraries' own logs pass through the same format."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)  # type: ignore[arg-type]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


SLOW_S = 0.5


def watch_statements(engine: Engine) -> None:
    """Time every statement by its first word, and write a line for a slow one: its text, never its parameters."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(_c: Any, _cu: Any, _s: str, _p: Any, context: Any, _m: bool) -> None:
        if context is not None:
            context.began_s = clock.monotonic_s()

    @event.listens_for(engine, "after_cursor_execute")
    def after(_c: Any, _cu: Any, statement: str, _p: Any, context: Any, _m: bool) -> None:
        took_s = clock.monotonic_s() - getattr(context, "began_s", clock.monotonic_s())
        database_seconds.labels(statement.split(None, 1)[0][:12].upper()).observe(took_s)
        if took_s >= SLOW_S:
            log(__name__).warning(
                "slow statement", took_s=round(took_s, 3), statement=" ".join(statement.split())[:300]
            )


def log(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
