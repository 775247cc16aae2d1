"""The OpenAPI documents, as the services themselves give them."""

import json

import httpx

from tuan.kernel.service import Service
from tuan.keyring import make
from tuan.up import build_parts

ANYWHERE = "http://127.0.0.1:8080"
NO_DATABASES = dict.fromkeys(("market", "mall", "sandbox"), "postgresql://")


async def documents() -> dict[str, str]:
    """Of the market and the mall, by name. Needs no database."""
    parts = build_parts(ANYWHERE, NO_DATABASES, make())
    return {"market": await _document(parts.market), "mall": await _document(parts.mall)}


async def _document(service: Service) -> str:
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url=ANYWHERE) as inside:
        answer = await inside.get("/openapi.json")
    return json.dumps(answer.json(), ensure_ascii=False, indent=1) + "\n"
