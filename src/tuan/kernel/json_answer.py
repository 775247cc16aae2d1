"""An answer in JSON, whole from the start."""

from typing import Final

import msgspec
from starlette.responses import Response

JSON: Final = "application/json"


class JsonAnswer(Response):
    """As Starlette would make it, without its looking for what a plain answer may lack."""

    def __init__(self, content: object) -> None:
        self.status_code, self.body, self.background = 200, msgspec.json.encode(content), None
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), (b"content-type", JSON.encode())]
