"""One answer, one write.

uvicorn writes the head of an answer and then its body, and each is a system call for us and a packet for the
client. So a head that promises a body of a known length is kept until the body is there.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ANSWER = b"HTTP/1.1 2"
BODY_FOLLOWS = b"\r\ncontent-length: "


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
        self.joined = Joined(transport)
        super().connection_made(cast(asyncio.Transport, self.joined))

    def on_response_complete(self) -> None:
        self.joined.flush()  # A HEAD is answered without a body.
        super().on_response_complete()
