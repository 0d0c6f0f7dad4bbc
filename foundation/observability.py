"""Structured logs and metrics. One JSON line an event; the scan id travels in the context of the request."""

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import Processor

scans_total = Counter("onecode_scans_total", "Scans answered", ["verdict"])
scan_seconds = Histogram(
    "onecode_scan_seconds",
    "From the request's arrival to its answer",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
batch_scans = Histogram("onecode_batch_scans", "Scans in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
batch_retries_total = Counter("onecode_batch_retries_total", "Batches that were tried again", ["why"])
refused_total = Counter("onecode_door_refused_total", "Scans refused at the door, not judged", ["actor"])
webhooks_total = Counter("onecode_webhooks_total", "Webhook messages sent, by what came of it", ["outcome"])
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
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def log(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
