"""Where a request comes from, and how far a header about it may be believed."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tuan.kernel.address import address_of
from tuan.kernel.serve import Proxy, Server

OURS = "127.0.0.0/8,10.1.0.0/16,::1"


async def address(request: Request) -> Response:
    return PlainTextResponse(address_of(request))


async def seen(peer: str, said: str | None, *, behind: str) -> str:
    """By a server that is started with `--behind`."""
    server = Server(Starlette(routes=[Route("/", address)]), host="", port=0, proxy=Proxy(addresses=behind))
    server.config.load()
    transport = httpx.ASGITransport(server.config.loaded_app, client=(peer, 1))
    headers = {} if said is None else {"x-forwarded-for": said}
    async with httpx.AsyncClient(transport=transport, base_url="http://tuan.test", headers=headers) as http:
        return (await http.get("/")).text


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),  # No proxy of ours: anybody can write a header.
        ("127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "10.0.0.1, 198.51.100.9", "198.51.100.9"),  # The first was written by the client.
        ("127.0.0.1", "198.51.100.9, 10.1.2.3", "198.51.100.9"),  # Two proxies, both ours.
        ("127.0.0.1", "", "127.0.0.1"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
async def test_who_asks_is_whom_our_own_proxy_names(peer: str, said: str | None, address: str) -> None:
    assert await seen(peer, said, behind=OURS) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("a unix socket", "unknown"),
    ],
)
async def test_with_no_proxy_in_front_who_connects_is_who_asks(peer: str, address: str) -> None:
    assert await seen(peer, "198.51.100.9", behind="") == address


def test_nobody_is_unknown() -> None:
    assert address_of(Request({"type": "http", "headers": [], "client": None})) == "unknown"
