"""nginx's configuration, from the one template that every way of running Tuan shares."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from tuan.site import DIST

TEMPLATE: Final = Path(__file__).parents[2] / "deploy" / "nginx.conf"
PLACES: Final = {
    "TUAN_OUTER": "8080",
    "TUAN_INNER": "127.0.0.1:8081",
    "TUAN_MARKET_1": "127.0.0.1:8082",
    "TUAN_MARKET_2": "127.0.0.1:8083",
    "TUAN_MALL_1": "127.0.0.1:8084",
    "TUAN_MALL_2": "127.0.0.1:8085",
    "TUAN_SANDBOX": "127.0.0.1:8086",
    "TUAN_DIST": str(DIST),
    "TUAN_STATE": "/var/lib/tuan-nginx",
}


class NginxMissing(Exception):
    """nginx is not installed: apt-get install nginx-light"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def configuration(places: Mapping[str, str]) -> str:
    """`places` are those that differ from PLACES. What nginx itself calls by a $ stays as it is."""
    return Template(TEMPLATE.read_text()).safe_substitute({**PLACES, **places})


def program() -> str:
    """Raises NginxMissing. Debian keeps it where only root looks."""
    if found := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin"):
        return found
    raise NginxMissing
