"""The shell around an API: hot routes in front, FastAPI behind, refusals rendered alike by both.

FastAPI spends some 40 µs on a request around our code. So a hot endpoint is known to both: FastAPI
documents it, and the shell, standing in front, serves it. They call the same function with the same
models, so there is nothing to keep in step.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from tuan.kernel.errors import InvalidRequest, Refusal, Unreachable
from tuan.kernel.json_answer import JsonAnswer
from tuan.kernel.log import request_id

PROBLEM = "application/problem+json"

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:*|-]{1,64}$")]
ID = re.compile(r"[A-Za-z0-9_.:*|-]{1,64}", re.ASCII)


class Body(BaseModel):
    """What a client sends: nothing we did not ask for."""

    model_config = ConfigDict(extra="forbid")


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. Programs read `code`; people read `detail`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldError] | None = None


REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused; `code` says why."}
}


class HotRoute:
    """A route served by us and documented by FastAPI."""

    def __init__(
        self,
        api: FastAPI,
        method: str,
        path: str,
        endpoint: Callable[..., Awaitable[object]],
        *,
        body: type[BaseModel],
        answer: type,
        caller: Callable[[Request], Awaitable[str]],
    ) -> None:
        """`endpoint` returns an `answer`, or its JSON as a msgspec.Raw."""
        api.add_api_route(path, endpoint, methods=[method], response_model=answer)
        self.path = path
        self._method = method
        self._pattern, _, _ = compile_path(path)
        self._endpoint = endpoint
        self._body = body
        self._caller = caller

    def match(self, scope: Scope, path: str) -> re.Match[str] | None:
        return self._pattern.match(path) if scope["method"] == self._method else None

    async def serve(self, params: Mapping[str, str], request: Request) -> Response:
        try:
            source = await self._caller(request)
            require_ids(params.values())
            body = self._body.model_validate_json(await body_of(request))
            answer = await self._endpoint(source=source, body=body, **params)
        except Refusal as refusal:
            return refused(request, refusal)
        except ValidationError as error:
            return invalid(request, error)
        return JsonAnswer(answer)


async def body_of(request: Request) -> bytes:
    """Most come in one piece, and need no stream. Raises ClientDisconnect."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
    return body


class LongRoute:
    """A GET whose answer lasts, served without the frames that FastAPI would keep for as long."""

    def __init__(
        self,
        api: FastAPI,
        path: str,
        endpoint: Callable[..., Response],
        *,
        answer: type[Response],
        params: Callable[[Request], Mapping[str, object]] = lambda _: {},
    ) -> None:
        """`endpoint` gets the request, the parameters of the path, and what `params` finds in the query."""
        api.add_api_route(path, endpoint, methods=["GET"], response_class=answer, status_code=200)
        self.path = path
        self._pattern, _, _ = compile_path(path)
        self._endpoint = endpoint
        self._params = params

    def match(self, scope: Scope, path: str) -> re.Match[str] | None:
        return self._pattern.match(path) if scope["method"] == "GET" else None

    async def serve(self, params: Mapping[str, str], request: Request) -> Response:
        try:
            return self._endpoint(request=request, **params, **self._params(request))
        except Refusal as refusal:
            return refused(request, refusal)


def require_ids(ids: Collection[str]) -> None:
    if not all(ID.fullmatch(one) for one in ids):
        raise InvalidRequest("An id has 1 to 64 letters, digits or any of _.:*|-")


def gathered(*routers: APIRouter) -> APIRouter:
    """All of them, for `build_fastapi`. FastAPI spends milliseconds on each route: once for a process,
    however often an API is built, as long as this is."""
    every = APIRouter(responses=REFUSED)
    for router in routers:
        every.include_router(router)
    return every


def build_fastapi(
    title: str, every: APIRouter | None = None, *, lifespan: Lifespan[FastAPI] | None = None, **settings: Any
) -> FastAPI:
    """A FastAPI whose documentation pages load nothing from elsewhere, and whose refusals are problems."""
    api = FastAPIOffline(
        title=title,
        version="1",
        lifespan=lifespan,
        responses=REFUSED,
        routes=None if every is None else [*every.routes],
        **settings,
    )
    api.add_exception_handler(Refusal, refused)
    api.add_exception_handler(ValidationError, invalid)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, not_served)
    api.add_exception_handler(Exception, broken)
    _document_refusals(api)
    return api


def _document_refusals(api: FastAPI) -> None:
    """FastAPI takes a refusal for a document of the kind that the route answers with."""
    documented = api.openapi

    def openapi() -> dict[str, Any]:
        document = documented()
        for operations in document["paths"].values():
            for operation in operations.values():
                refusal = operation["responses"]["4XX"]
                [schema] = refusal["content"].values()
                refusal["content"] = {PROBLEM: schema}
        return document

    api.openapi = openapi  # type: ignore[method-assign]


async def nothing() -> None:
    """There is nothing to measure."""


def add_probes(
    api: FastAPI,
    *,
    ready: Callable[[], Awaitable[bool]],
    registry: CollectorRegistry,
    measure: Callable[[], Awaitable[None]] = nothing,
) -> None:
    """`measure` is done before the metrics are shown."""

    @api.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/readyz", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        if not await ready():
            raise Unreachable("The database is not migrated.")
        return {"status": "ready"}

    @api.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await measure()
        return PlainTextResponse(generate_latest(registry))


def shell(api: FastAPI, hot: Sequence[HotRoute | LongRoute]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            for route in hot:
                if found := route.match(scope, path):
                    scope["route"] = route
                    request = Request(scope, receive)
                    response = await route.serve(found.groupdict(), request)
                    try:
                        return await response(scope, receive, send)
                    except Refusal as refusal:  # Of an answer that had not begun.
                        return await refused(request, refusal)(scope, receive, send)
        return await api(scope, receive, send)

    return app


def refused(_: Request, error: Exception) -> Response:
    refusal = cast(Refusal, error)
    headers = {}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    return _problem(refusal.status, refusal.code, str(refusal), headers=headers)


def invalid(_: Request, error: Exception) -> Response:
    wrong = cast(ValidationError | RequestValidationError, error).errors()[:20]
    fields = [FieldError(field=".".join(map(str, one["loc"])), message=one["msg"]) for one in wrong]
    detail = "; ".join(f"{one.field}: {one.message}" for one in fields)
    return _problem(422, InvalidRequest.code, detail, errors=fields)


def not_served(_: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    if refusal.status_code == 400:  # FastAPI's word for a body that is no JSON at all.
        return _problem(422, InvalidRequest.code, str(refusal.detail))
    return _problem(refusal.status_code, "not_served", str(refusal.detail), headers=refusal.headers)


def broken(_: Request, error: Exception) -> Response:
    structlog.get_logger().error("request_failed", exc_info=error)
    return _problem(
        500, "internal_error", "Something broke on our side; the request id finds it in our logs."
    )


def _problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    view = Problem(
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        request_id=request_id(),
        errors=errors,
    )
    return JSONResponse(view.model_dump(exclude_none=True), status, headers, media_type=PROBLEM)
