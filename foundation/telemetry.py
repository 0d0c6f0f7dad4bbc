"""Traces over OTLP when an endpoint is configured; otherwise one comparison with None and nothing else.

Spans are made by hand at three places: a request, a batch of scans (linked to the requests it answers), a statement.
Statements carry their text and never their parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event

_tracer: trace.Tracer | None = None
_provider: TracerProvider | None = None
_propagator = TraceContextTextMapPropagator()


def start(endpoint: str, *, service: str) -> None:
    """Send traces to `endpoint`/v1/traces from now on; an empty endpoint changes nothing."""
    global _tracer, _provider
    if not endpoint:
        return
    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=5)
    _provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    _tracer = _provider.get_tracer("onecode")


def stop() -> None:
    """Send what is left and make no more spans."""
    global _tracer, _provider
    if _provider is not None:
        _provider.shutdown()
    _tracer, _provider = None, None


def is_on() -> bool:
    return _tracer is not None


@contextmanager
def request(name: str, headers: Mapping[str, str]) -> Iterator[Span | None]:
    """A server's span; the caller's trace goes on where its headers name one."""
    if _tracer is None:
        yield None
        return
    with _tracer.start_as_current_span(name, context=_propagator.extract(headers), kind=SpanKind.SERVER) as span:
        yield span


@contextmanager
def batch(name: str, links: Sequence[SpanContext], **attributes: Any) -> Iterator[None]:
    """Work done for several requests at once."""
    if _tracer is None:
        yield
        return
    linked = [Link(one) for one in links]
    with _tracer.start_as_current_span(name, links=linked, attributes=attributes):
        yield


def here() -> SpanContext | None:
    """The span we are in, to link to it later; None without one."""
    if _tracer is None:
        return None
    context = trace.get_current_span().get_span_context()
    return context if context.is_valid else None


def watch(engine: Engine) -> None:
    """A span a statement, while traces are on."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(_c: Any, _cu: Any, statement: str, _p: Any, context: Any, _m: bool) -> None:
        if _tracer is not None and context is not None:
            attributes = {"db.system.name": "postgresql", "db.query.text": statement[:500]}
            context.span = _tracer.start_span(statement.split(None, 1)[0][:20].upper(), attributes=attributes)

    @event.listens_for(engine, "after_cursor_execute")
    def after(_c: Any, _cu: Any, _s: str, _p: Any, context: Any, _m: bool) -> None:
        if (span := getattr(context, "span", None)) is not None:
            span.end()

    @event.listens_for(engine, "handle_error")
    def failed(error: Any) -> None:
        if (span := getattr(error.execution_context, "span", None)) is not None:
            span.set_status(Status(StatusCode.ERROR, type(error.original_exception).__name__))
            span.end()
