"""A process that leaves: red first, connections ended, streams sent home; and what it holds is finished."""

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from tuan.kernel.leave import Leave


async def fine(_: Request) -> Response:
    return PlainTextResponse("fine")


LEAVE_PATHS = Starlette(routes=[Route("/readyz", fine), Route("/v1/orders", fine)])


async def test_who_leaves_is_red_and_answers_all_the_same() -> None:
    leave = Leave(LEAVE_PATHS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(leave), base_url="http://tuan.test") as http:
        before = await http.get("/readyz"), await http.get("/v1/orders")
        leave.begin()
        after = await http.get("/readyz"), await http.get("/v1/orders")

    assert [answer.status_code for answer in (*before, *after)] == [200, 200, 503, 200]
    assert after[0].json()["code"] == "leaving"
    assert ["connection" in answer.headers for answer in (*before, *after)] == [False, False, True, True]


async def test_a_stream_is_sent_home_and_a_slow_answer_is_not() -> None:
    """Both listen for a watcher who leaves. Only who would listen for ever is told that one has."""
    heard = []

    def listening_to(kind: bytes) -> Leave:
        async def app(_: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            heard.append((kind, (await receive())["type"]))

        return Leave(app)

    async def nobody_speaks() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def nobody_hears(_: Message) -> None: ...

    stream, slow = listening_to(b"text/event-stream"), listening_to(b"text/csv")
    scope = {"type": "http", "path": "/v1/teams/events"}
    tasks = [asyncio.create_task(one(scope, nobody_speaks, nobody_hears)) for one in (stream, slow)]
    await asyncio.sleep(0)
    stream.begin()
    slow.begin()

    await tasks[0]
    assert heard == [(b"text/event-stream", "http.disconnect")]
    assert not tasks[1].done()
    tasks[1].cancel()
