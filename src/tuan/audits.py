"""Every rule about rows that must not exist, asked of every service and of all together, told with counts."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tuan.across import money, with_the_market, with_the_sandbox
from tuan.kernel.audit import Finding
from tuan.kernel.audit import audit as audit_market
from tuan.kernel.clock import Clock
from tuan.kernel.database_clock import time_at
from tuan.kernel.db import build_pool
from tuan.kernel.money import yuan_text
from tuan.mall.audit import audit as audit_mall
from tuan.mall.store_audit import ALWAYS, AT_REST
from tuan.market.store_audit import RULES
from tuan.store_across import WITH_THE_MARKET, WITH_THE_SANDBOX

ALLOWED = timedelta(minutes=6)  # The market's grace, and a minute for the sweeps.
HEARD_WITHIN = timedelta(minutes=15)  # Of a payment whose notify was lost, we ask every ten.


class Broken(NamedTuple):
    rule: str
    rows: int
    says: str
    samples: Sequence[str]


def report(urls: dict[str, str], console: Console, *, clock: Clock | None = None) -> int:
    """Returns how many rules are broken, and says which, by how many rows, and the first few of them. It is
    as late as the databases say, unless another clock is given.

    The sandbox is a witness: it keeps books of its own, as the gateway.
    """
    market, mall, sandbox = urls.get("market"), urls.get("mall"), urls.get("sandbox")
    now = clock() if clock else time_at(next(iter(urls.values())))
    count = 0
    if market:
        found = _broken(audit_market(market, RULES, overdue=now - ALLOWED))
        count += _tell("market", len(RULES), found, console)
    if mall:
        count += _tell("mall", len(ALWAYS | AT_REST), asyncio.run(_mall(mall, now)), console)
    if mall and market:
        found = _broken(with_the_market(mall, market, overdue=now - ALLOWED))
        count += _tell("market and mall", len(WITH_THE_MARKET), found, console)
    if mall and sandbox:
        found = _broken(with_the_sandbox(mall, sandbox, overdue=now - HEARD_WITHIN))
        count += _tell("mall and sandbox", len(WITH_THE_SANDBOX), found, console)
    return count + (_tell_money(mall, console) if mall else 0)


async def _mall(url: str, now: datetime) -> list[Broken]:
    async with build_pool(url, size=1) as pool:
        findings = await audit_mall(pool, now)
    return [Broken(one.name, one.count, "", one.sample) for one in findings]


def _broken(findings: Sequence[Finding]) -> list[Broken]:
    return [Broken(one.rule.name, one.count, one.rule.says, one.samples) for one in findings]


def _tell(service: str, asked: int, broken: Sequence[Broken], console: Console) -> int:
    console.print(f"{service}: {asked} rules asked, {len(broken)} broken")
    if broken:
        table = Table("rule", "rows", "what must hold", "for example")
        for one in broken:
            table.add_row(one.rule, str(one.rows), one.says, ", ".join(one.samples))
        console.print(table)
    return len(broken)


def _tell_money(mall: str, console: Console) -> int:
    """Returns 0 when every fen is somewhere, else 1."""
    now = money(mall)
    parts = {
        "earned": now.earned_fen,
        "fees": now.fees_fen,
        "refunded": now.refunded_fen,
        "held": now.held_fen,
        "owed back": now.owed_back_fen,
    }
    told = " + ".join(f"{name} {_yuan(fen)}" for name, fen in parts.items())
    sign = "=" if now.is_conserved else "≠"
    console.print(f"money: received {_yuan(now.received_fen)} {sign} {told}", soft_wrap=True)
    return 0 if now.is_conserved else 1


def _yuan(fen: int) -> str:
    return f"¥{'-' * (fen < 0)}{yuan_text(abs(fen))}"
