"""Where a request comes from: who connects to us, or whom the proxy in front of us says it speaks for."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

NOWHERE = "unknown"
ONE_HOUSEHOLD = 64  # Bits. Whoever has one address of version 6 has all that begin alike.


def address_of(request: Request) -> str:
    """What to count a visitor by. Whose word about it is believed was settled by `--behind` before."""
    address = _read(request.client.host) if request.client else None
    if isinstance(address, IPv6Address):
        return str(ip_network((address, ONE_HOUSEHOLD), strict=False))
    return NOWHERE if address is None else str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
