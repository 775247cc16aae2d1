"""The way out to addresses that others gave us: looked up once, checked, and only then connected to."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx

IPAddress = IPv4Address | IPv6Address
LookUp = Callable[[str, int], Awaitable[Sequence[IPAddress]]]

CONNECTIONS_MAX = 64
LOOKUPS_MAX = 32
ADDRESSES_TRIED_MAX = 4


class AddressRefused(httpx.ConnectError):
    """We do not connect there, whoever asks."""


class NameUnknown(httpx.ConnectError):
    """The name cannot be looked up; perhaps it can tomorrow."""


class Egress(httpx.AsyncBaseTransport):
    """Sends where `check` allows the URL and `permits` every address its name has.

    No second look-up happens between check and connection, so a name that changes its address meanwhile
    gains nothing. Host header, SNI and the certificate remain those of the name. No connection is kept: it
    would serve a name by the check of another, or of another day.
    """

    def __init__(
        self,
        *,
        check: Callable[[str], None],
        permits: Callable[[IPAddress], bool],
        look_up: LookUp | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._check = check
        self._permits = permits
        # Of our own: a name server that does not answer would keep the shared threads from all others.
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="look-up")
        self._look_up = look_up or self._ask_resolver
        self._out = httpx.AsyncHTTPTransport(
            verify=verify,
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0),
        )

    async def require(self, url: str) -> None:
        """Raises what `check` raises, and AddressRefused for a name that leads where we do not connect."""
        self._check(url)
        with suppress(NameUnknown):
            await self._addresses(httpx.URL(url))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._check(str(request.url))
        failure: httpx.ConnectError = AddressRefused(f"{request.url.host} has no address", request=request)
        for address in (await self._addresses(request.url))[:ADDRESSES_TRIED_MAX]:
            try:
                return await self._out.handle_async_request(_to_address(request, address))
            except httpx.ConnectError as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        await self._out.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, url: httpx.URL) -> Sequence[IPAddress]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = await self._look_up(url.host, port)
        except (OSError, UnicodeError) as error:
            raise NameUnknown(f"{url.host} cannot be looked up") from error
        if refused := [address for address in addresses if not self._permits(address)]:
            raise AddressRefused(f"{url.host} is at {refused[0]}, where we do not connect")
        return addresses

    async def _ask_resolver(self, host: str, port: int) -> Sequence[IPAddress]:
        answers = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [ip_address(address[0]) for *_, address in answers]


def _to_address(request: httpx.Request, address: IPAddress) -> httpx.Request:
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions | {"sni_hostname": request.url.host},
    )
