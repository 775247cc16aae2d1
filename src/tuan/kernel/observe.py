"""Around every request: an id, a limit on its body, headers for browsers, one line and one count."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from tuan.kernel.errors import TooLarge
from tuan.kernel.hot import HotRoute, Shell
from tuan.kernel.ids import new_id
from tuan.kernel.log import REQUEST_ID_HEADER
from tuan.kernel.straight import BODY_MAX_BYTES, LINE, Serve, Whole
from tuan.kernel.web import refused

REQUEST_ID, LENGTH, CHUNKED = REQUEST_ID_HEADER.encode(), b"content-length", b"transfer-encoding"
AUTHORIZATION = b"authorization"
GIVEN_ID = re.compile(rb"[A-Za-z0-9_.-]{8,64}")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
DOCS_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    b" img-src 'self' data:; worker-src blob:; frame-ancestors 'none'"
)
POLICY = b"content-security-policy"
Header = tuple[bytes, bytes]
SECURITY_HEADERS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
log = structlog.get_logger()


class Observed:
    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        registry: CollectorRegistry,
        larger: Mapping[tuple[str, str], int] = MappingProxyType({}),
        shell: Shell | None = None,
    ) -> None:
        """`larger` says which routes, by method and path, read a body of more than 64 KiB, and how many
        bytes. `shell` is the one within `app` whose hot routes may be asked straight."""
        self._app = app
        self._service = service
        self._limits = [(method, compile_path(path)[0], limit) for (method, path), limit in larger.items()]
        self._shell = shell
        requests = Counter(
            "tuan_requests", "Requests by route and outcome", ["route", "method", "status"], registry=registry
        )
        seconds = Histogram(
            "tuan_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=registry
        )

        # Prometheus takes as long to find a label's counter as to count.
        self._counter, self._clock = cache(requests.labels), cache(seconds.labels)
        self._line = log.bind()  # The logger of a module is put together anew for each line.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        began = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _begin(headers, self._service)
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _dressed(message["headers"], request_id, scope["path"])
            await send(message)

        try:
            declared, body_max_bytes = headers.get(LENGTH, b"0"), _body_max_bytes(scope, self._limits)
            if not declared.isdigit() or int(declared) > body_max_bytes:
                await refused(None, TooLarge())(scope, receive, answer)
            elif CHUNKED in headers:
                await self._app(scope, _counted(receive, body_max_bytes), answer)
            else:  # The server reads no more than was declared.
                await self._app(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._tell(began, scope["method"], route, status, request_id)

    def straight(self, method: str, path: str) -> Serve | None:
        """A Find."""
        if not (asked := self._shell and self._shell.asked_for(method, path)):
            return None
        route, params = asked
        return partial(self._serve, method, route, params) if isinstance(route, HotRoute) else None

    async def _serve(
        self,
        method: str,
        route: HotRoute,
        params: Mapping[str, str],
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> Whole:
        began = time.perf_counter()
        request_id = _begin(headers, self._service)
        status = 500
        try:
            authorization = headers.get(AUTHORIZATION, b"").decode("latin-1")
            answer = await route.answer(params, authorization, body)
            status = answer.status_code
        finally:
            self._tell(began, method, route.path, status, request_id)
        headers_out = _dressed(answer.raw_headers, request_id, route.path)
        return Whole(status, b"".join(LINE % header for header in headers_out), bytes(answer.body))

    def _tell(self, began: float, method: str, route: str, status: int, request_id: str) -> None:
        took = time.perf_counter() - began
        self._counter(route, method, status).inc()
        self._clock(route).observe(took)
        if route not in QUIET:
            self._line.info(
                "request",
                method=method,
                route=route,
                status=status,
                ms=round(took * 1e3, 2),
                request_id=request_id,
                service=self._service,
            )


def _begin(headers: Mapping[bytes, bytes], service: str) -> str:
    given = headers.get(REQUEST_ID, b"")
    request_id = given.decode() if GIVEN_ID.fullmatch(given) else new_id()
    bind_contextvars(request_id=request_id, service=service)
    return request_id


def _dressed(headers: Iterable[Header], request_id: str, path: str) -> list[Header]:
    dressed = [*headers, (REQUEST_ID, request_id.encode())]
    if not any(name == POLICY for name, _ in dressed):
        dressed.append((POLICY, DOCS_POLICY if path.endswith(("/docs", "/redoc")) else API_POLICY))
    return dressed + SECURITY_HEADERS


def _body_max_bytes(scope: Scope, limits: Sequence[tuple[str, re.Pattern[str], int]]) -> int:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    found = (limit for method, pattern, limit in limits if method == scope["method"] and pattern.match(path))
    return next(found, BODY_MAX_BYTES)


def _counted(receive: Receive, body_max_bytes: int) -> Receive:
    """Stops reading a body that did not say how long it is, and is too long."""
    left = body_max_bytes

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge
        return message

    return counted
