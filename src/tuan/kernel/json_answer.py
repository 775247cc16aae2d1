"""An answer in JSON, whole from the start."""

from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tuan.kernel.one_write import WHOLE

JSON: Final = "application/json"


class JsonAnswer(Response):
    """As Starlette would make it, without its looking for what a plain answer may lack."""

    def __init__(self, content: object) -> None:
        self.status_code, self.body, self.background = 200, msgspec.json.encode(content), None
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), (b"content-type", JSON.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if WHOLE in scope.get("extensions", ()):
            whole = {"status": self.status_code, "headers": self.raw_headers, "body": self.body}
            await send({"type": WHOLE, **whole})
        else:
            await super().__call__(scope, receive, send)
