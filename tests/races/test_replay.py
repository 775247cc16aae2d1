"""An endpoint was away for so long that its webhooks died; an operator sends them all again."""

import asyncio
import time
from collections.abc import Callable

import pytest
from console_builders import Office
from forked import Nursery
from market_processes import query
from receiver import Receiver
from webhook_builders import change

from tuan.market.delivery_turn import AT_ONCE_MAX
from tuan.market.operator import Role

DIED = """
    INSERT INTO event SELECT 'e' || n, 'mall', 'test.ping', 'e' || n, '{{}}', now()
    FROM generate_series(1, {count}) AS n;
    INSERT INTO delivery (event_id, endpoint_id, status, tries, died_at)
    SELECT id, 'e1', 'dead', 13, now() FROM event"""
AT_A_TIME = 100


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.drill)])
async def test_all_that_died_is_sent_again_once(
    office: Office,
    forks: Nursery,
    receiver: Receiver,
    record_property: Callable[[str, object], None],
    count: int,
) -> None:
    change(office.url, DIED.format(count=count))
    async with office.browser(Role.OPERATOR) as browser:
        for start in [*range(0, count, AT_A_TIME)] * 2:  # Asked for twice, sent once.
            keys = [{"event_id": f"e{start + n}", "endpoint_id": "e1"} for n in range(1, AT_A_TIME + 1)]
            body = {"deliveries": keys, "reason": "they are back"}
            assert (await browser.post("/deliveries/redelivery", json=body)).status_code == 202

    began = time.monotonic()
    settings = {"TUAN_MARKET_DATABASE_URL": office.url, "TUAN_MARKET_ALLOW_PRIVATE_WEBHOOKS": "true"}
    with forks.process("market", "worker", settings=settings):
        while query(office.url, "SELECT count(*) FROM procrastinate_jobs") != [(0,)]:
            await asyncio.sleep(0.1)
    record_property(f"{count} webhooks sent again in seconds", round(time.monotonic() - began))

    assert receiver.came == {f"e{n}": 1 for n in range(1, count + 1)}
    assert 1 < receiver.at_once_max <= AT_ONCE_MAX
    assert query(office.url, "SELECT status, count(*) FROM delivery GROUP BY 1") == [("delivered", count)]
