"""How long one lock takes: alone, beside its parts; and in a crowd, the slowest beside the usual."""

import socket
import statistics
import time
from urllib.parse import urlsplit

import psycopg
import uvloop

from bench.floor import bare_service
from bench.load import Plan, in_turns, pgbench_p50_ms
from bench.locks import puts
from bench.market import Market
from bench.open_loop import Request, ask_at, http, length_of
from bench.quote import ASKED, bare
from bench.report import Figure, figure
from tuan.kernel.ids import new_id

SHARE_OF_MOST = 0.7  # Of the rate at which it is asked for its tail.


def alone_latency(market: Market, plan: Plan) -> Figure:
    """One at a time: the lock over HTTP, beside the same function by pgbench plus a bare route."""
    times = 200 if plan.is_quick else 1000
    quote = str(ASKED).replace("'", '"')

    with bare() as address:

        def parts() -> float:
            bare_ms = p50_ms(address, lambda _: http("POST", "/v1/quotes", quote), times=times)
            return bare_ms + pgbench_p50_ms("lock_spread.sql", market.url, times=times)

        pairs = in_turns(plan.pairs, lambda: p50_ms(market.address, locks(), times=times), parts)
    with bare_service(market.url) as (address, _):
        two_trips = statistics.median(p50_ms(address, bare_locks(), times=times) for _ in range(plan.pairs))
    return figure(pairs, more={"bare ms": round(two_trips, 3)})


def tail(market: Market, plan: Plan) -> Figure:
    """p99 beside p50 of locks that come at 70 % of the rate wrk found possible. PostgreSQL's log has files to
    use again, as on a server that has run for a while: all commits wait while a new one is filled with zeros.
    """
    with psycopg.connect(market.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    most = statistics.median(puts("lock_spread", market, seconds=plan.seconds).rate for _ in range(3))
    rate = most * SHARE_OF_MOST
    stretches = [
        uvloop.run(ask_at(rate, market.address, locks(), seconds=2 * plan.seconds))
        for _ in range(plan.pairs + 1)  # The first warms up.
    ]
    pairs = [(waits.percentile(0.99) * 1000, waits.percentile(0.5) * 1000) for waits in stretches[1:]]
    return figure(pairs, bad=sum(waits.bad for waits in stretches), more={"rate": round(rate)})


def locks() -> Request:
    """Each in one of the thousand teams."""
    run = new_id()

    def request(number: int) -> bytes:
        body = (
            f'{{"buyer_id":"{run}-{number}","campaign_id":"c1","goods_id":"g1","channel":"app",'
            f'"team_id":"team-{1 + number * 7919 % 1000:031d}"}}'
        )
        return http("PUT", f"/v1/seats/{run}-{number}", body)

    return request


def bare_locks() -> Request:
    run = new_id()

    def request(number: int) -> bytes:
        body = f'{{"no":"{run}-{number}","team":"team-{1 + number * 7919 % 1000:031d}"}}'
        return http("PUT", "/lock", body)

    return request


def p50_ms(address: str, request: Request, *, times: int) -> float:
    """Of one after the other, on one connection. Raises RuntimeError where one is refused."""
    there, waits = urlsplit(address), []
    with socket.create_connection((there.hostname, there.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(times):
            asked = request(number)
            began = time.perf_counter()
            connection.sendall(asked)
            answer = _answer(connection)
            waits.append(time.perf_counter() - began)
            if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
                raise RuntimeError(f"refused: {answer[:200]!r}")
    return statistics.median(waits) * 1000


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while True:
        received += connection.recv(65536)
        head, complete, body = received.partition(b"\r\n\r\n")
        if complete and len(body) >= length_of(head):
            return received
