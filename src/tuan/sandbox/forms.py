"""The same body from a program, as JSON, or from a page, as a form."""

from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from tuan.sandbox.pages import wants_page

JSON = "application/json"

Asked = TypeVar("Asked", bound=BaseModel)


async def read_body(request: Request, model: type[Asked]) -> Asked:
    """A field of a form that was left empty was not sent. Raises ValidationError."""
    if _is_json(request):
        return model.model_validate_json(await request.body())
    async with request.form() as form:
        return model.model_validate({name: value for name, value in form.items() if value})


def comes_from_page(request: Request) -> bool:
    """And so wants to go back to one."""
    return wants_page(request) and not _is_json(request)


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith(JSON)
