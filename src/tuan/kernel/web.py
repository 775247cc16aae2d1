"""What all APIs share: shapes, probes, and refusals rendered alike."""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Lifespan

from tuan.kernel.errors import InvalidRequest, Refusal, Unreachable
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


def refused(_: Request | None, error: Exception) -> Response:
    refusal = cast(Refusal, error)
    headers = {}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    return _problem(refusal.status, refusal.code, str(refusal), headers=headers)


def invalid(_: Request | None, error: Exception) -> Response:
    wrong = cast(ValidationError | RequestValidationError, error).errors()[:20]
    fields = [FieldError(field=".".join(map(str, one["loc"])), message=one["msg"]) for one in wrong]
    detail = "; ".join(f"{one.field}: {one.message}" for one in fields)
    return _problem(422, InvalidRequest.code, detail, errors=fields)


def not_served(_: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    if refusal.status_code == 400:  # FastAPI's word for a body that is no JSON at all.
        return _problem(422, InvalidRequest.code, str(refusal.detail))
    return _problem(refusal.status_code, "not_served", str(refusal.detail), headers=refusal.headers)


def broken(_: Request | None, error: Exception) -> Response:
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
