"""Who calls the original's trade paths: the holder of a source's key, or an address we were told to trust."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.requests import Request

from tuan.kernel.errors import Unauthorized
from tuan.market.catalog import Catalog

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True)
class Callers:
    catalog: Catalog
    trusted: Sequence[Network]

    async def source_of(self, request: Request, *, named: str) -> str:
        """The source a body names, if the caller may speak for it. Raises Unauthorized."""
        if authorization := request.headers.get("authorization"):
            scheme, _, key = authorization.partition(" ")
            if scheme.lower() != "bearer" or await self.catalog.source(key) != named:
                raise Unauthorized
            return named
        # A browser is never a mall, and may be led by any page: it says so by telling that page's origin.
        if "origin" in request.headers or not self._trusts(request):
            raise Unauthorized
        return named

    def _trusts(self, request: Request) -> bool:
        if request.client is None:
            return False
        try:
            address = ip_address(request.client.host)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.trusted)
