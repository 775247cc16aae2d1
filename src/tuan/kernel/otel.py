"""Traces by OpenTelemetry: one span for each request, call and job, joined by the W3C's traceparent.

Statements have none: they are sent ahead of their answers, many to a round trip, and what a span around one
measured would be the pipeline's time. Requests that meet at a desk share a transaction; the events of that
transaction belong to the trace of whoever came first.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET = ("/healthz", "/readyz", "/metrics")
PARENT = "traceparent"
ACROSS = TraceContextTextMapPropagator()


class Otel:
    def __init__(self, service: str) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": f"tuan-{service}"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tuan")

    def serving(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"].endswith(QUIET):
                return await app(scope, receive, send)

            caller = ACROSS.extract(_carrier(scope))
            with self._tracer.start_as_current_span(
                scope["method"], caller, SpanKind.SERVER, record_exception=False
            ) as span:

                async def answer(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _answered(span, message["status"], wrong_from=500)
                    await send(message)

                try:
                    await app(scope, receive, answer)
                finally:
                    route = getattr(scope.get("route"), "path", "none")
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)

        return serve

    def calling(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return _Calling(transport, self._tracer)

    def carried(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        ACROSS.inject(carrier)
        return {PARENT: carrier[PARENT]} if PARENT in carrier else {}

    @contextmanager
    def working(self, job: str, traceparent: str | None) -> Iterator[None]:
        owed_by = ACROSS.extract({PARENT: traceparent} if traceparent else {})
        with self._tracer.start_as_current_span(job, owed_by, SpanKind.CONSUMER, record_exception=False):
            yield

    async def close(self) -> None:
        await asyncio.to_thread(self._provider.shutdown)


class _Calling(httpx.AsyncBaseTransport):
    def __init__(self, inside: httpx.AsyncBaseTransport, tracer: Tracer) -> None:
        self._inside = inside
        self._tracer = tracer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Where to is told by host alone: paths and queries carry numbers, and signatures."""
        with self._tracer.start_as_current_span(
            request.method, kind=SpanKind.CLIENT, record_exception=False
        ) as span:
            span.set_attribute("server.address", request.url.host)
            ACROSS.inject(request.headers)
            response = await self._inside.handle_async_request(request)
            _answered(span, response.status_code, wrong_from=400)
            return response

    async def aclose(self) -> None:
        await self._inside.aclose()


def _carrier(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _answered(span: Span, status: int, *, wrong_from: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= wrong_from:
        span.set_status(StatusCode.ERROR)
