"""Every rule about rows that must not exist, asked of every service, and told with counts."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tuan.kernel.audit import audit as audit_market
from tuan.kernel.clock import utc_now
from tuan.kernel.db import build_pool
from tuan.mall.audit import audit as audit_mall
from tuan.mall.store_audit import ALWAYS, AT_REST
from tuan.market.store_audit import RULES

ALLOWED = timedelta(minutes=6)  # The market's grace, and a minute for the sweeps.


class Broken(NamedTuple):
    rule: str
    rows: int
    says: str
    samples: Sequence[str]


def report(urls: dict[str, str], console: Console) -> int:
    """Returns how many rules are broken, and says which, by how many rows, and the first few of them."""
    now = utc_now()
    count = 0
    if url := urls.get("market"):
        count += _tell("market", len(RULES), _market(url, now), console)
    if url := urls.get("mall"):
        count += _tell("mall", len(ALWAYS | AT_REST), asyncio.run(_mall(url, now)), console)
    return count


def _market(url: str, now: datetime) -> list[Broken]:
    findings = audit_market(url, RULES, overdue=now - ALLOWED)
    return [Broken(one.rule.name, one.count, one.rule.says, one.samples) for one in findings]


async def _mall(url: str, now: datetime) -> list[Broken]:
    async with build_pool(url, size=1) as pool:
        findings = await audit_mall(pool, now)
    return [Broken(one.name, one.count, "", one.sample) for one in findings]


def _tell(service: str, asked: int, broken: Sequence[Broken], console: Console) -> int:
    console.print(f"{service}: {asked} rules asked, {len(broken)} broken")
    if broken:
        table = Table("rule", "rows", "what must hold", "for example")
        for one in broken:
            table.add_row(one.rule, str(one.rows), one.says, ", ".join(one.samples))
        console.print(table)
    return len(broken)
