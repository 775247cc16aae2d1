"""Where a webhook may be sent: to https on port 443, at a public name, and never into our own network."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from tuan.kernel.errors import Refusal

URL_MAX_LENGTH: Final = 2048
# Stricter than the grammar of URLs. What two parsers could read differently is no URL here: no user info,
# no escapes or letters of other scripts in the name, no backslash, no space, no fragment.
URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][!\"$-\[\]-~]*)?",
    re.ASCII | re.IGNORECASE,
)
NAME: Final = re.compile(
    r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{1,63}(?<!-)\.?", re.ASCII | re.IGNORECASE
)
# Resolvers read such a last label as a number: 0x7f.1, 127.1 and 2130706433 all mean 127.0.0.1.
NUMBER: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)", re.ASCII | re.IGNORECASE)
OUR_OWN_NAMES: Final = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion")

# The registries of special addresses (RFC 6890 and its successors), as far as Python calls them global.
SPECIAL_V4: Final = tuple(
    map(
        IPv4Network,
        ["100.64.0.0/10",  # Behind a carrier's NAT; also where Alibaba Cloud keeps its metadata.
         "168.63.129.16/32",  # What each machine on Azure asks for its secrets.
         "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"],
    )
)  # fmt: skip
GLOBAL_V6: Final = IPv6Network("2000::/3")  # All that was ever handed out.
SPECIAL_V6: Final = tuple(
    map(
        IPv6Network,
        ["2001::/23",  # Teredo and others: they carry an IPv4 address inside.
         "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"],
    )
)  # fmt: skip


class AddressNotPublic(Refusal):
    """A webhook goes to an https URL on port 443 at a public name."""

    code = "address_not_public"
    status = 422


def require_public(url: str, *, allow_private: bool) -> None:
    """Judges the URL as it is written; where its name leads is judged by is_public, on every connection.

    Raises AddressNotPublic. With `allow_private` any http or https URL of the plain form will do.
    """
    found = URL.fullmatch(url)
    if found is None or len(url) > URL_MAX_LENGTH or int(found["port"] or 443) > 65_535:
        raise AddressNotPublic
    if allow_private:
        return
    if found["scheme"].lower() != "https" or int(found["port"] or 443) != 443:
        raise AddressNotPublic
    if not _may_be_public(found["host"].lower()):
        raise AddressNotPublic


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether this is a machine of the open internet. What only wraps another address is not."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_V4)
    return address in GLOBAL_V6 and not any(address in network for network in SPECIAL_V6)


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host.strip("[]")))
    except ValueError:
        name = host.rstrip(".")
        return (
            NAME.fullmatch(host) is not None
            and not NUMBER.fullmatch(name.rpartition(".")[2])
            and not name.endswith(OUR_OWN_NAMES)
        )
