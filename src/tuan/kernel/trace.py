"""Who called whom on whose behalf, for a collector of traces. Off, nothing stands in anybody's way."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Final, Protocol

import httpx
import structlog
from starlette.types import ASGIApp

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"  # OpenTelemetry's own name for where to send.
log = structlog.get_logger()


class Trace(Protocol):
    def serving(self, app: ASGIApp) -> ASGIApp:
        """A span around each request, within the caller's trace."""

    def calling(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """A span around each call, whose receiver is told of the trace."""

    def carried(self) -> Mapping[str, str]:
        """What a job takes along, to be given to `working`."""

    def working(self, job: str, traceparent: str | None) -> AbstractContextManager[object]:
        """A span around the work, within the trace of who owed it."""

    async def close(self) -> None:
        """All spans are sent, or given up."""


class Off:
    def serving(self, app: ASGIApp) -> ASGIApp:
        return app

    def calling(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return transport

    def carried(self) -> Mapping[str, str]:
        return {}

    def working(self, job: str, traceparent: str | None) -> AbstractContextManager[object]:
        return nullcontext()

    async def close(self) -> None:
        """Nothing was begun."""


OFF: Final = Off()


def trace_of(service: str) -> Trace:
    """On where the environment names a collector, as OpenTelemetry does everywhere, and the extra `otel` is
    installed."""
    if not os.environ.get(ENDPOINT):
        return OFF
    if find_spec("opentelemetry.sdk") is None:
        log.warning("traces_off", why="pip install 'tuan[otel]'")
        return OFF
    from tuan.kernel.otel import Otel

    return Otel(service)
