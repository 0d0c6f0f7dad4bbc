"""Seeing it run: metrics a dashboard can draw, lines that carry the scan's id, traces that arrive."""

import io
import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import REGISTRY
from sqlalchemy import text
from starlette.testclient import TestClient

from foundation import clock, ids, observability, telemetry
from foundation.database import reading
from foundation.observability import configure_logging, log
from scan_api import edge
from scan_api.app import make_app

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana" / "onecode.json"


def queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def shown(http):
    """metric -> labels it is shown with."""
    found: dict[str, set[str]] = {}
    for line in http.get("/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition(" ")[0].partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


@pytest.mark.parametrize(("title", "expression"), queries(), ids=lambda one: one[:30])
def test_the_dashboard_asks_for_metrics_that_exist(title, expression):
    suffixes = ("_bucket", "_sum", "_count", "_total", "")
    known = {name + suffix: metric for metric in REGISTRY.collect() for name in [metric.name] for suffix in suffixes}
    asked = re.findall(r"onecode_\w+", expression)
    assert asked
    for name in asked:
        assert name in known, f"{title} asks for {name}"
    labels = set(re.findall(r"by \(([^)]*)\)", expression)) | set(re.findall(r"(\w+)=~", expression))
    declared = {"le", "instance"} | {label for name in asked for label in getattr(_collector(name), "_labelnames", ())}
    assert {one.strip() for label in labels for one in label.split(",")} <= declared


def _collector(name):
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return REGISTRY._names_to_collectors[base if base in REGISTRY._names_to_collectors else name]


def test_a_scan_moves_its_metrics_and_no_id_becomes_a_label(world):
    observability.watch_statements(world.house.engine)
    item, li = world.factory.make_item(), world.phone("Li")
    before = REGISTRY.get_sample_value("onecode_scans_total", {"verdict": "genuine"}) or 0
    scan_id = ids.uuid7(clock.now())
    assert li.scan(item, scan_id=scan_id).status == 200
    world.http.get(f"/{scan_id.hex}")
    said = world.http.get("/metrics").text
    assert REGISTRY.get_sample_value("onecode_scans_total", {"verdict": "genuine"}) == before + 1
    assert 'route="/v1/scans/{scan_id}",status="200"' in said
    assert str(scan_id) not in said
    assert scan_id.hex not in said
    assert {"onecode_batch_scans_bucket", "onecode_queue_scans", "onecode_database_seconds_count"} <= shown(
        world.http
    ).keys()


@pytest.fixture
def lines():
    """What is logged, as JSON lines."""
    root, stream = logging.getLogger(), io.StringIO()
    kept, level = root.handlers[:], root.level
    configure_logging("debug", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines() if line.startswith("{")]
    root.handlers[:], root.level = kept, level


def test_every_line_of_a_scan_carries_its_id(world, lines, monkeypatch):
    real = edge.handle_scans

    def talkative(tx, attempts, **more):
        log("anywhere").info("deep inside", text=attempts[0].text)
        return real(tx, attempts, **more)

    monkeypatch.setattr(edge, "handle_scans", talkative)
    scan_id = ids.uuid7(clock.now())
    world.phone("Li", signed_in=False).scan("a\r\nforged line\x1b[31m", scan_id=scan_id)
    (line,) = [one for one in lines() if one["event"] == "deep inside"]
    assert line["scan_ids"] == [str(scan_id)]
    assert line["text"].startswith("a\r\nforged"), "one event is one line: the break is escaped inside JSON"


def test_a_slow_statement_is_a_line_without_its_parameters(world, lines, monkeypatch):
    monkeypatch.setattr(observability, "SLOW_S", 0.0)
    observability.watch_statements(world.house.engine)
    with reading(world.house.engine) as tx:
        tx.execute(text("SELECT 1 WHERE :secret = 'x'"), {"secret": "hunter2"})
    slow = [one for one in lines() if one["event"] == "slow statement"]
    assert any("SELECT 1 WHERE" in one["statement"] for one in slow)
    assert "hunter2" not in json.dumps(slow)


@pytest.fixture
def collector():
    """An OTLP receiver: (base address, spans received)."""
    spans = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
            spans.extend(s for r in asked.resource_spans for scope in r.scope_spans for s in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    server.server_close()


def test_traces_go_where_they_are_sent_and_join_the_callers(world, collector):
    address, spans = collector
    telemetry.watch(world.house.engine)
    item, li = world.factory.make_item(), world.phone("Li")
    telemetry.start(address, service="test")
    headers = li.headers | {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    body = {"text": item.text, "device": "phone-1", "claim": True}
    assert world.http.put(f"/v1/scans/{ids.uuid7(clock.now())}", json=body, headers=headers).status_code == 200
    telemetry.stop()
    (request,) = [one for one in spans if one.name == "PUT /v1/scans/{scan_id}"]
    (batch,) = [one for one in spans if one.name == "scans"]
    assert request.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert [link.span_id for link in batch.links] == [request.span_id]
    statements = [one for one in spans if one.parent_span_id == batch.span_id]
    assert statements
    assert item.text not in str(spans), "statements without their parameters"


def test_without_an_endpoint_nothing_is_traced(world):
    telemetry.start("", service="test")
    assert not telemetry.is_on()
    assert telemetry.here() is None
    with telemetry.request("x", {}) as span:
        assert span is None


def test_a_request_that_fails_is_counted_too(world):
    with TestClient(make_app(world.house)) as http:
        http.get("/v1/me/wallet")
        assert 'route="/v1/me/wallet",status="401"' in http.get("/metrics").text
