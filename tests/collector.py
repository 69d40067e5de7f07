"""A stand-in for an OpenTelemetry collector: it takes what OTLP over HTTP brings, and answers as it is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it came. Times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    begun: int
    ended: int
    kind: int
    failed: bool
    attributes: dict[str, Any]


class Collector:
    """`with` ends it. What it has got stays."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[Span] = []
        self.raw = b""
        self.resource: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                collector.take(self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers))
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        if self.status != 200:
            return
        self.raw += body
        self.headers = headers
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans.extend(
                    Span(
                        each.name,
                        each.trace_id.hex(),
                        each.span_id.hex(),
                        each.parent_span_id.hex(),
                        each.start_time_unix_nano,
                        each.end_time_unix_nano,
                        each.kind,
                        each.status.code == each.status.STATUS_CODE_ERROR,
                        _values(each.attributes),
                    )
                    for each in scope.spans
                )

    def named(self, name: str) -> list[Span]:
        """In the order of their beginnings."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.begun)

    def below(self, parent: Span) -> list[Span]:
        """A span's children, in the order of their beginnings."""
        return sorted((span for span in self.spans if span.parent == parent.id), key=lambda span: span.begun)


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
