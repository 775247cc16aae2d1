"""One answer, one write.

uvicorn writes the head of an answer and then its body, and each is a system call for us and a packet for the
client. So a head that promises a body of a known length is kept until the body is there. An answer that is
whole from the start can say so, by an ASGI extension of ours, and is then put together by us: uvicorn would
look through each of its headers for what we know is not there.
"""

import asyncio
from typing import Any, Final, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

ANSWER = b"HTTP/1.1 2"
BODY_FOLLOWS = b"\r\ncontent-length: "

WHOLE: Final = "tuan.whole_answer"  # Has a status, headers of our own making, and all of the body.
CLOSE: Final = (b"connection", b"close")


class Joined:
    """A transport that joins a head to what follows it. A stream has no length, and its head goes at once."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            self._transport.write(self._head + data)
            self._head = b""
        elif data.startswith(ANSWER) and BODY_FOLLOWS in data:
            self._head = data
        else:
            self._transport.write(data)

    def write_whole(self, data: bytes) -> None:
        self._transport.write(data)

    def flush(self) -> None:
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWrite(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._joined = Joined(transport)
        super().connection_made(cast(asyncio.Transport, self._joined))

    def on_response_complete(self) -> None:
        self._joined.flush()  # A HEAD is answered without a body.
        super().on_response_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, cast(Any, self._taking_whole_answers(cycle, app)))

    def _taking_whole_answers(self, cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            async def answer(message: Message) -> None:
                if message["type"] == WHOLE:
                    await self._write_whole(cycle, message)
                else:
                    await send(message)

            scope["extensions"] = {WHOLE: {}}
            await app(scope, receive, answer)

        return served

    async def _write_whole(self, cycle: RequestResponseCycle, message: Message) -> None:
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
        headers = [*cycle.default_headers, *message["headers"]]
        cycle.keep_alive = cycle.keep_alive and CLOSE not in headers
        if not cycle.keep_alive and CLOSE not in headers:
            headers.append(CLOSE)
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        self._joined.write_whole(b"%b%b\r\n%b" % (STATUS_LINE[message["status"]], head, message["body"]))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._joined.close()
        cycle.on_response()
