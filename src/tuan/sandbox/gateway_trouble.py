"""What may go wrong between a merchant's question and the gateway's answer to it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from tuan.sandbox.alipay import Reply, failed_node
from tuan.sandbox.trouble import EFFECTS, Door, Kind, Trouble

ON_ITS_WAY: Final = frozenset(EFFECTS[Door.GATEWAY])
BUSY: Final = failed_node("20000", "aop.unknow-error", "系统繁忙")
NO_BALANCE: Final = failed_node("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
SYSTEM_ERROR: Final = failed_node("40004", "ACQ.SYSTEM_ERROR", "系统错误")


class CutOff(Response):
    """The connection closes while the answer begins: no server finishes a body that falls short."""

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})


async def answer_in(
    trouble: Trouble | None,
    method: str | None,
    ask: Callable[[], Awaitable[Reply]],
    write: Callable[[Reply], Response],
) -> Response:
    """Some troubles come before anything is done, the others after all of it is."""
    match trouble and trouble.kind:
        case Kind.SLOW if trouble and trouble.measure:
            await asyncio.sleep(trouble.measure)
        case Kind.DEAD:
            return bad_gateway()
        case Kind.CUT_OFF:
            return CutOff()
        case Kind.UNKNOWN:
            return write(Reply(method=method, node=BUSY))
        case Kind.NO_BALANCE:
            return write(Reply(method=method, node=NO_BALANCE))

    reply = await ask()
    match trouble and trouble.kind:
        case Kind.ANSWER_LOST:
            return CutOff()
        case Kind.SYSTEM_ERROR:
            reply = replace(reply, node=SYSTEM_ERROR)
        case Kind.UNSIGNED:
            reply = replace(reply, is_signed=False)
        case Kind.ESCAPED:
            reply = replace(reply, escapes_slashes=True)
    return write(reply)


def bad_gateway() -> Response:
    return HTMLResponse("<html><body><center><h1>502 Bad Gateway</h1></center></body></html>", 502)
