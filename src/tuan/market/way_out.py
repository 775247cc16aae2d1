"""The way out to the sources' endpoints, and whether a URL may become one."""

from functools import partial

from tuan.kernel.egress import AddressRefused, Egress
from tuan.market.webhook_address import AddressNotPublic, is_public, require_public


def way_out(*, allow_private: bool) -> Egress:
    """With `allow_private`, also to http, to any port, and into our own network."""
    return Egress(
        check=partial(require_public, allow_private=allow_private),
        permits=(lambda _: True) if allow_private else is_public,
    )


async def require_reachable(egress: Egress, url: str) -> None:
    """Raises AddressNotPublic, also for a name that leads into our network as of now."""
    try:
        await egress.require(url)
    except AddressRefused as error:
        raise AddressNotPublic from error
