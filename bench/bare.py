"""A bare Starlette route: reads the body of a quote and answers a constant, as long as a quote is."""

import os

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = b"x" * int(os.environ.get("TUAN_BENCH_ANSWER_BYTES", "900"))


class Body(BaseModel):
    goods_id: str
    channel: str
    buyer_id: str


async def answer(request: Request) -> Response:
    Body.model_validate_json(await request.body())
    return Response(ANSWER, media_type="application/json")


async def ready(_: Request) -> Response:
    return Response()


app = Starlette(routes=[Route("/v1/quotes", answer, methods=["POST"]), Route("/readyz", ready)])
