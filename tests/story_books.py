"""How a story ended, by everybody's books: ours, the market's, and those of who took the money."""

import asyncio
import io
from collections import Counter
from typing import Protocol

import psycopg
from psycopg.rows import TupleRow
from rich.console import Console
from story_world import World

from tuan.audits import report
from tuan.kernel.clock import Clock


class Books(Protocol):
    """What was written down, by each service in a database of its own, and how late it is."""

    @property
    def databases(self) -> dict[str, str]: ...

    @property
    def clock(self) -> Clock: ...


# What the gateway holds for each payment number, and what it has given back of it.
TRADES = """
    SELECT out_trade_no, total_fen, refunded_fen FROM trade WHERE paid_at IS NOT NULL
    UNION ALL
    SELECT out_trade_no, total_fen, refunded_fen FROM wechatpay_order WHERE paid_at IS NOT NULL"""
PAYMENTS = """
    SELECT payment.number, received_fen, coalesce(refund.amount_fen, 0) FROM payment
    LEFT JOIN refund ON payment_number = payment.number AND refund.status = 'done'
    WHERE paid_at IS NOT NULL"""
# Received, and what became of it.
MONEY = """
    SELECT (SELECT coalesce(sum(received_fen), 0) FROM payment)::bigint,
        (SELECT coalesce(sum(payable_fen), 0) FROM mall_order WHERE status = 'fulfilled')::bigint,
        (SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE status = 'done')::bigint,
        (SELECT coalesce(-sum(amount_fen), 0) FROM ledger_entry WHERE account = 'held')::bigint"""
# What the gateway keeps for us: with what it took for its service.
AT_GATEWAY = """
    SELECT coalesce(sum(amount_fen), 0)::bigint FROM ledger_entry
    WHERE account IN ('gateway', 'gateway_fee')"""
ORDERS = "SELECT number, status FROM mall_order"
SEATS = """
    SELECT out_trade_no, team.id, team.status, seat.status FROM seat JOIN team ON team.id = team_id"""
TEAMS = "SELECT id, status FROM team"

ENDS = {"fulfilled", "refunded", "closed"}
# A seat and its team, and how an order of it may have ended.
ENDS_OF_SEATS = {
    ("formed", "settled"): {"fulfilled"},
    ("formed", "refunded"): {"refunded"},
    ("failed", "refunded"): {"refunded"},
    ("formed", "released"): {"closed", "refunded"},
    ("failed", "released"): {"closed", "refunded"},
}


async def come_to_an_end(world: World) -> None:
    """Whatever is still begun: a cashier is shut after a quarter of an hour, a seat freed after half of one,
    the notifies' ladder ends in half an hour too, and a team in a day."""
    for minutes in (1, 5, 20, 35, 24 * 60, 10, 5):
        await world.settle_down()
        world.clock.pass_by(minutes=minutes)
    await world.settle_down()


async def require_all_well(world: World) -> None:
    assert doubts(world) == []
    assert await asyncio.to_thread(audits, world) == ""
    assert world.room.broken == []


def audits(world: Books) -> str:
    """Nothing when no rule is broken. Not within a running loop."""
    screen = io.StringIO()
    broken = report(world.databases, Console(file=screen, width=200), clock=world.clock)
    return screen.getvalue() if broken else ""


def doubts(world: Books) -> list[str]:
    """What is not as it must be once everything has come to its end."""
    trades, payments = _rows(world, "sandbox", TRADES), _rows(world, "mall", PAYMENTS)
    orders: dict[str, str] = dict(_rows(world, "mall", ORDERS))
    [(received, earned, refunded, held)] = _rows(world, "mall", MONEY)
    [(at_gateway,)] = _rows(world, "mall", AT_GATEWAY)
    kept = sum(total - back for _, total, back in trades)

    found = [f"order {number} is {status}" for number, status in orders.items() if status not in ENDS]
    found += [f"team {id} is {status}" for id, status in _rows(world, "market", TEAMS) if status == "forming"]
    found += [f"the gateway says {trade}" for trade in sorted({*trades} - {*payments})]
    found += [f"the mall says {payment}" for payment in sorted({*payments} - {*trades})]
    if received != earned + refunded + held:
        found.append(f"received {received}, earned {earned}, refunded {refunded}, held {held}")
    if at_gateway != kept:
        found.append(f"the ledger has {at_gateway} at the gateway, which keeps {kept}")
    for number, team, team_status, seat_status in _rows(world, "market", SEATS):
        if orders.get(number) not in ENDS_OF_SEATS.get((team_status, seat_status), set()):
            found.append(
                f"order {number} {orders.get(number)}, seat {seat_status}, team {team} {team_status}"
            )
    return found


def alarms(world: World) -> set[str]:
    """Of which kinds there were any."""
    return {kind for (kind,) in _rows(world, "mall", "SELECT kind FROM alarm")}


def came_to(world: World) -> dict[str, Counter[str]]:
    """How many orders, teams and payments ended how, and what the mall made of the notifies."""
    return {
        "orders": _counted(world, "mall", "SELECT status FROM mall_order"),
        "teams": _counted(world, "market", "SELECT status FROM team"),
        "told by": _counted(world, "mall", "SELECT told_by FROM payment WHERE paid_at IS NOT NULL"),
        "verdicts": _counted(world, "mall", "SELECT verdict FROM notify_log"),
    }


def _counted(world: World, service: str, query: str) -> Counter[str]:
    return Counter(word for (word,) in _rows(world, service, query))


def _rows(world: Books, service: str, query: str) -> list[TupleRow]:
    with psycopg.connect(world.databases[service]) as connection:
        return connection.execute(query.encode()).fetchall()
