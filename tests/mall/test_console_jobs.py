"""Jobs that wait, jobs that died and why, and alarms: looked at, done again, cleared; never dropped."""

import asyncio

import httpx
import psycopg
import pytest
from mall_builders import Shopper, World
from mall_console_builders import WHY, code_of, deeds, until_they_wait, warmed

from tuan.kernel.jobs import QUICK_LADDER
from tuan.mall.worker import SETTLE_LADDER

JOBS = "SELECT task_name, status::text, attempts, scheduled_at FROM procrastinate_jobs ORDER BY id"


async def a_failed_settlement(world: World, ann: Shopper, *, tries: int = 0) -> str:
    """Tried so often before. The number of its order."""
    order = await ann.ordered()
    await world.pay(order)
    world.market.refuses["settle"] = 422, "invalid_request"
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE procrastinate_jobs SET attempts = %s", [tries])
    await world.service.drain()
    world.market.refuses.clear()
    number: str = order["number"]
    return number


async def test_a_job_that_waits_tells_why_it_failed(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    number = await a_failed_settlement(world, ann)
    [job] = (await olga.get("/jobs")).json()["items"]

    assert (job["name"], job["status"], job["lock"], job["attempts"]) == ("settle", "todo", number, 1)
    assert job["args"]["order_number"] == number
    assert job["error"] == "MarketRefusal: The market says invalid_request."
    assert job["owed_at"] <= job["failed_at"]
    assert job["scheduled_at"] is not None


async def test_the_last_failure_is_told_and_goes_with_its_job(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await a_failed_settlement(world, ann)
    world.market.refuses["settle"] = 503, "overloaded"
    world.make_jobs_due()
    await world.service.drain()
    [job] = (await olga.get("/jobs")).json()["items"]
    assert job["error"] == "MarketUnavailable: The market does not answer; try again."

    with psycopg.connect(world.database) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")  # As a worker does when it succeeds.
    assert world.rows("SELECT count(*) FROM job_trouble") == [(0,)]


async def test_a_dead_letter_is_done_again_from_the_start_of_its_ladder(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    number = await a_failed_settlement(world, ann, tries=len(SETTLE_LADDER))
    [dead] = (await olga.get("/jobs?status=failed")).json()["items"]
    answer = await olga.post(f"/jobs/{dead['id']}/retry", json=WHY)
    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (200, "todo", 0)
    assert answer.json()["error"] == dead["error"]

    await world.service.drain()
    assert world.market.seats[number]["status"] == "settled"
    assert world.rows("SELECT settled_at IS NOT NULL FROM mall_order") == [(True,)]
    assert deeds(world) == [("olga", "job.done_again", f"job:{dead['id']}", WHY["reason"])]


async def test_a_job_that_waits_for_its_next_try_is_brought_forward(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await a_failed_settlement(world, ann, tries=len(QUICK_LADDER) - 1)
    [job] = (await olga.get("/jobs")).json()["items"]
    for _ in range(2):
        assert (await olga.post(f"/jobs/{job['id']}/retry", json={})).status_code == 200

    assert world.rows(JOBS) == [("settle", "todo", 0, None)]


@pytest.mark.parametrize("status", ["doing", "succeeded"])
async def test_a_job_in_somebodys_hands_or_done_is_left_alone(
    world: World, ann: Shopper, olga: httpx.AsyncClient, status: str
) -> None:
    await a_failed_settlement(world, ann)
    with psycopg.connect(world.database) as connection:
        connection.execute("UPDATE procrastinate_jobs SET status = %s", [status])
    before = world.rows(JOBS)
    [job] = (await olga.get("/jobs")).json()["items"]

    assert code_of(await olga.post(f"/jobs/{job['id']}/retry", json=WHY)) == (409, "job_not_waiting")
    assert code_of(await olga.post("/jobs/999999/retry", json=WHY)) == (404, "not_found")
    assert code_of(await olga.post("/jobs/x/retry", json=WHY)) == (422, "invalid_request")
    assert (world.rows(JOBS), deeds(world)) == (before, [])


async def test_jobs_are_found_by_state_kind_order_and_age_and_counted(
    world: World, ann: Shopper, bob: Shopper, olga: httpx.AsyncClient
) -> None:
    number = await a_failed_settlement(world, ann, tries=len(SETTLE_LADDER))
    await world.pay(await bob.buy_alone())

    async def found(query: str) -> list[str]:
        return [job["name"] for job in (await olga.get(f"/jobs?{query}")).json()["items"]]

    assert await found("") == ["fulfil", "settle"]
    assert await found("status=failed") == ["settle"]
    assert await found("name=fulfil") == ["fulfil"]
    assert await found(f"lock={number}") == ["settle"]
    first = (await olga.get("/jobs?limit=1")).json()
    assert await found(f"cursor={first['next_cursor']}") == ["settle"]
    with psycopg.connect(world.database) as connection:
        connection.execute(
            "UPDATE procrastinate_events SET at = %s FROM procrastinate_jobs AS job"
            " WHERE job_id = job.id AND task_name = 'settle'",
            [world.clock.now],
        )
    world.clock.pass_by(minutes=30)
    assert await found("older_than_minutes=30&name=settle") == ["settle"]
    assert await found("older_than_minutes=31&name=settle") == []

    counts = (await olga.get("/jobs/counts")).json()["items"]
    assert [(one["name"], one["status"], one["jobs"]) for one in counts] == [
        ("fulfil", "todo", 1),
        ("settle", "failed", 1),
    ]


async def test_an_alarm_rings_until_it_is_cleared_and_rings_anew(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    for _ in range(2):
        await world.pay(order, seller_id="2088000000000000")
        await world.notify(world.alipay.notify(order["number"], "108.00", seller_id="2088000000000000"))
    [alarm] = (await olga.get("/alarms?is_ringing=true")).json()["items"]
    assert (alarm["kind"], alarm["about"], alarm["times"]) == ("other_seller", order["number"], 2)

    for _ in range(2):
        answer = await olga.put(f"/alarms/{alarm['id']}/clearance", json=WHY)
        assert answer.json() == alarm | {"cleared_at": answer.json()["cleared_at"]}
    assert (await olga.get("/alarms?is_ringing=true")).json()["items"] == []
    assert deeds(world) == [("olga", "alarm.cleared", f"alarm:{alarm['id']}", WHY["reason"])]

    await world.notify(world.alipay.notify(order["number"], "108.00", seller_id="2088000000000000"))
    [again] = (await olga.get("/alarms?is_ringing=true&kind=other_seller")).json()["items"]
    assert (again["id"] != alarm["id"], again["times"]) == (True, 1)
    every = (await olga.get(f"/alarms?about={order['number']}")).json()["items"]
    assert [one["id"] for one in every] == [again["id"], alarm["id"]]
    first = (await olga.get("/alarms?limit=1")).json()
    rest = (await olga.get(f"/alarms?cursor={first['next_cursor']}")).json()["items"]
    assert [one["id"] for one in rest] == [alarm["id"]]


async def test_an_alarm_is_not_cleared_without_a_reason(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    await world.notify(world.alipay.notify(order["number"], "108.00", seller_id="2088000000000000"))
    [(alarm_id,)] = world.rows("SELECT id FROM alarm")

    assert code_of(await olga.put(f"/alarms/{alarm_id}/clearance", json={})) == (422, "invalid_request")
    assert code_of(await olga.put("/alarms/none/clearance", json=WHY)) == (404, "not_found")
    assert world.rows("SELECT cleared_at FROM alarm") == [(None,)]
    assert deeds(world) == []


async def test_a_job_that_a_worker_takes_at_the_same_moment_is_left_to_it(
    world: World, ann: Shopper, olga: httpx.AsyncClient
) -> None:
    await a_failed_settlement(world, ann)
    [job] = (await olga.get("/jobs")).json()["items"]
    with psycopg.connect(world.database) as worker:
        worker.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        retrying = asyncio.create_task(olga.post(f"/jobs/{job['id']}/retry", json=WHY))
        await until_they_wait(world, how_many=1)

    assert code_of(await retrying) == (409, "job_not_waiting")
    assert world.rows("SELECT status::text FROM procrastinate_jobs") == [("doing",)]


async def test_two_who_clear_an_alarm_at_the_same_moment_clear_it_once(
    world: World, ann: Shopper, olga: httpx.AsyncClient, oleg: httpx.AsyncClient
) -> None:
    order = await ann.ordered()
    await world.notify(world.alipay.notify(order["number"], "108.00", seller_id="2088000000000000"))
    [(alarm_id,)] = world.rows("SELECT id FROM alarm")
    await warmed(olga, oleg)
    with psycopg.connect(world.database) as holder:
        holder.execute("SELECT FROM alarm FOR UPDATE")
        clearing = [
            asyncio.create_task(console.put(f"/alarms/{alarm_id}/clearance", json=WHY))
            for console in (olga, oleg)
        ]
        await until_they_wait(world, how_many=2)
    assert [answer.status_code for answer in await asyncio.gather(*clearing)] == [200, 200]
    assert len(deeds(world)) == 1
