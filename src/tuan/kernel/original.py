"""How the system before ours wrote: one envelope, camelCase, yuan as numbers, epoch milliseconds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tuan.kernel.json_answer import JSON
from tuan.kernel.money import yuan_text

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Shape = dict[str, object]
Content = TypeVar("Content", bound=BaseModel)


class OriginalBody(BaseModel):
    """Fields we do not know are passed over, and numbers taken for their digits: so did the original."""

    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True, extra="ignore")


async def read(request: Request, kind: type[Content]) -> Content:
    """Raises ValidationError."""
    return kind.model_validate_json(await request.body())


def envelope(number: str, info: str, data: object) -> Response:
    """Always with the status 200: what happened is in the code."""
    content = msgspec.json.encode({"code": number, "info": info, "data": data})
    return Response(content, media_type=JSON)


def yuan(fen: int) -> msgspec.Raw:
    """9000 → 90.00, a number in JSON, written with both of its decimals."""
    return msgspec.Raw(yuan_text(fen).encode())


def millis(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def beside(api: ASGIApp, original: ASGIApp, *, under: Sequence[str]) -> ASGIApp:
    """The original's paths, those `under` its folders, go to `original`, all others to `api`."""
    folders = tuple(f"{folder}/" for folder in under)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        await (original if path.startswith(folders) else api)(scope, receive, send)

    return app
