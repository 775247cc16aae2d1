"""A webhook is sent again, or for a test, because an operator asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.jobs import Jobs
from tuan.market import notify
from tuan.market.connect import EndpointDisabled, hold_active_endpoint
from tuan.market.operator import Deed
from tuan.market.store_delivery import DeliveryKey, hold_deliveries
from tuan.market.store_operator import record


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    event_id: str
    endpoint_id: str


async def redeliver(pool: Pool, jobs: Jobs, keys: Sequence[DeliveryKey], *, deed: Deed) -> None:
    """Under their old ids, all or none. Asking again before they are sent sends nothing twice.

    Raises NotFound or EndpointDisabled.
    """
    wanted = sorted(set(keys))
    async with transaction(pool) as connection:
        enabled = await hold_deliveries(connection, wanted)
        if len(enabled) < len(wanted):
            raise NotFound("There is no such delivery.")
        if not all(enabled.values()):
            raise EndpointDisabled

        await notify.redeliver(connection, jobs, wanted)
        for key in wanted:
            await record(connection, deed, "delivery.redelivered", about=f"delivery:{'/'.join(key)}")


async def send_test(pool: Pool, jobs: Jobs, endpoint_id: str, *, deed: Deed) -> Tested:
    """An event that means nothing. Raises NotFound, EndpointDisabled or NoTestEvent."""
    async with transaction(pool) as connection:
        await hold_active_endpoint(connection, endpoint_id)
        event_id = await notify.test_event(connection, jobs, endpoint_id, deed.at)
        await record(
            connection,
            deed,
            "endpoint.tested",
            about=f"endpoint:{endpoint_id}",
            after={"event_id": event_id},
        )
    return Tested(event_id=event_id, endpoint_id=endpoint_id)
