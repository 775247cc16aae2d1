"""Around every request: an id, a limit on its body, headers for browsers, one line and one count."""

import re
import time
from collections.abc import Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from tuan.kernel.errors import TooLarge
from tuan.kernel.ids import new_id
from tuan.kernel.log import REQUEST_ID_HEADER
from tuan.kernel.web import refused

BODY_MAX_BYTES = 64 * 1024
GIVEN_ID = re.compile(rb"[A-Za-z0-9_.-]{8,64}")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
DOCS_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    b" img-src 'self' data:; worker-src blob:; frame-ancestors 'none'"
)
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
log = structlog.get_logger()


def observed(
    app: ASGIApp,
    *,
    service: str,
    registry: CollectorRegistry,
    larger: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> ASGIApp:
    """`larger` says which routes, by method and path, read a body of more than 64 KiB, and how many bytes."""
    limits = [(method, compile_path(path)[0], limit) for (method, path), limit in larger.items()]
    requests = Counter(
        "tuan_requests", "Requests by route and outcome", ["route", "method", "status"], registry=registry
    )
    seconds = Histogram(
        "tuan_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=registry
    )

    async def observe(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)

        began = time.perf_counter()
        request_id = _begin(scope, service)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, request_id, scope["path"])
            await send(message)

        try:
            await _within_limit(app, scope, receive, answer, _body_max_bytes(scope, limits))
        finally:
            took = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "none")
            requests.labels(route, scope["method"], status).inc()
            seconds.labels(route).observe(took)
            if route not in QUIET:
                log.info(
                    "request", method=scope["method"], route=route, status=status, ms=round(took * 1e3, 2)
                )

    return observe


def _begin(scope: Scope, service: str) -> str:
    given = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER.encode()), b"")
    request_id = given.decode() if GIVEN_ID.fullmatch(given) else new_id()
    clear_contextvars()
    bind_contextvars(request_id=request_id, service=service)
    return request_id


def _dress(message: MutableMapping[str, Any], request_id: str, path: str) -> None:
    headers = list(message["headers"])
    headers.append((REQUEST_ID_HEADER.encode(), request_id.encode()))
    headers.extend(SECURITY_HEADERS)
    if not any(name == b"content-security-policy" for name, _ in headers):
        policy = DOCS_POLICY if path.endswith(("/docs", "/redoc")) else API_POLICY
        headers.append((b"content-security-policy", policy))
    message["headers"] = headers


def _body_max_bytes(scope: Scope, limits: Sequence[tuple[str, re.Pattern[str], int]]) -> int:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    found = (limit for method, pattern, limit in limits if method == scope["method"] and pattern.match(path))
    return next(found, BODY_MAX_BYTES)


async def _within_limit(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, body_max_bytes: int
) -> None:
    """Refuse a body that says it is too large; stop reading one that lied."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not declared.isdigit() or int(declared) > body_max_bytes:
        return await refused(Request(scope), TooLarge())(scope, receive, send)

    left = body_max_bytes

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return await app(scope, counted, send)
