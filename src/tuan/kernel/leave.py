"""Taking leave of the proxy in front: it is told, it stops calling, and nothing that it sent is lost.

Whoever asks whether we are ready hears no. Each answer ends its connection, so that the proxy keeps none on
which it could send while we hang up. A stream that would never end is ended: its watcher comes back by
itself, and finds another process.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuan.kernel.errors import Refusal
from tuan.kernel.straight import CLOSE
from tuan.kernel.web import refused

STREAM = (b"content-type", b"text/event-stream")


class Leaving(Refusal):
    """This process is about to stop; another one serves."""

    code = "leaving"
    status = 503
    retry_after_seconds = 1


class Leave:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        self._begun.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        never_ends = False

        async def hear() -> Message:
            return await (self._until_we_leave(receive) if never_ends else receive())

        async def answer(message: Message) -> None:
            nonlocal never_ends
            if message["type"] == "http.response.start":
                never_ends = STREAM in message["headers"]
                if self.has_begun:
                    message["headers"] = [*message["headers"], CLOSE]
            await send(message)

        if self.has_begun and scope["path"].endswith("/readyz"):
            return await refused(None, Leaving())(scope, receive, answer)
        return await self._app(scope, hear, answer)

    async def _until_we_leave(self, receive: Receive) -> Message:
        heard, leaving = asyncio.ensure_future(receive()), asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait({heard, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return heard.result() if heard.done() else {"type": "http.disconnect"}
        finally:
            heard.cancel()
            leaving.cancel()
