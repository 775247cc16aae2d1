"""A wire to an app without sockets: an answer that begins and never ends is a connection cut off."""

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Wire(httpx.AsyncBaseTransport):
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def carried(scope: Scope, receive: Receive, send: Send) -> None:
            is_whole = False

            async def watched(message: Message) -> None:
                nonlocal is_whole
                is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
                await send(message)

            await self._app(scope, receive, watched)
            if not is_whole:
                raise httpx.RemoteProtocolError("cut off", request=request)

        return await httpx.ASGITransport(carried).handle_async_request(request)
