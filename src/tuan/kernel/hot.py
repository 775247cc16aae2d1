"""The shell around an API: hot routes in front, FastAPI behind.

FastAPI spends some 40 µs on a request around our code. So a hot endpoint is known to both: FastAPI
documents it, and the shell, standing in front, serves it. They call the same function with the same
models, so there is nothing to keep in step.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from tuan.kernel.errors import Refusal
from tuan.kernel.json_answer import JsonAnswer
from tuan.kernel.web import broken, invalid, refused, require_ids


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
        caller: Callable[[str], Awaitable[str]],
    ) -> None:
        """`endpoint` returns an `answer`, or its JSON as a msgspec.Raw. `caller` tells who asks, by what
        the header Authorization says."""
        api.add_api_route(path, endpoint, methods=[method], response_model=answer)
        self.path = path
        self._method = method
        self._pattern, _, _ = compile_path(path)
        self._endpoint = endpoint
        self._body = body
        self._caller = caller

    def match(self, method: str, path: str) -> re.Match[str] | None:
        return self._pattern.match(path) if method == self._method else None

    async def serve(self, params: Mapping[str, str], request: Request) -> Response:
        authorization = request.headers.get("authorization", "")
        return await self.answer(params, authorization, await request.body())

    async def answer(self, params: Mapping[str, str], authorization: str, content: bytes) -> Response:
        try:
            source = await self._caller(authorization)
            require_ids(params.values())
            body = self._body.model_validate_json(content)
            return JsonAnswer(await self._endpoint(source=source, body=body, **params))
        except Refusal as refusal:
            return refused(None, refusal)
        except ValidationError as error:
            return invalid(None, error)
        except Exception as error:
            return broken(None, error)


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

    def match(self, method: str, path: str) -> re.Match[str] | None:
        return self._pattern.match(path) if method == "GET" else None

    async def serve(self, params: Mapping[str, str], request: Request) -> Response:
        return self._endpoint(request=request, **params, **self._params(request))


class Shell:
    def __init__(self, api: FastAPI, hot: Sequence[HotRoute | LongRoute]) -> None:
        self._api = api
        self._hot = hot

    def asked_for(self, method: str, path: str) -> tuple[HotRoute | LongRoute, Mapping[str, str]] | None:
        for route in self._hot:
            if found := route.match(method, path):
                return route, found.groupdict()
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if asked := self.asked_for(scope["method"], path):
                route, params = asked
                scope["route"] = route
                try:
                    response = await route.serve(params, Request(scope, receive))
                    return await response(scope, receive, send)
                except Refusal as refusal:  # Of a body, or of an answer that had not begun.
                    return await refused(None, refusal)(scope, receive, send)
        return await self._api(scope, receive, send)
