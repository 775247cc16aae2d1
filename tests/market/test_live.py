"""Anybody may watch a team fill, from any process; nobody sees who sits in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import psycopg
from market_processes import Process, query
from structlog.testing import capture_logs

from tuan.kernel.serve import Server
from tuan.kernel.service import Service


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[str]:
    """On a real socket: an in-process transport would hold the stream back until its end."""
    listens = asyncio.Event()
    server = Server(service.app, host="127.0.0.1", port=0, listens=listens.set)
    serving = asyncio.create_task(server.serve())
    await listens.wait()
    yield f"http://127.0.0.1:{server.port}"
    server.should_exit = True
    await serving


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, object]]:
    async for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@asynccontextmanager
async def watched(
    service: Service, path: str, *, known: str = "", id: Sequence[str] = ()
) -> AsyncIterator[AsyncIterator[dict[str, object]]]:
    """What a stream tells. `known` is the event that its watcher heard last."""
    headers = {"last-event-id": known} if known else {}
    async with (
        served(service) as url,
        httpx.AsyncClient(timeout=10, headers=headers) as http,
        http.stream("GET", url + path, params={"id": list(id)} if id else None) as stream,
    ):
        yield events(stream.aiter_lines())


async def test_a_watcher_sees_what_another_process_commits(market: Service, processes: list[Process]) -> None:
    team_id = await processes[0].lock(1)
    async with watched(market, f"/v1/teams/{team_id}/events") as shown:
        first = await anext(shown)
        await processes[1].lock(2, team_id=team_id)
        second = await anext(shown)

    assert (first["seats_taken"], second["seats_taken"]) == (1, 2)
    assert "buyer_id" not in second


async def test_a_look_that_breaks_is_not_the_last(
    market: Service, market_database: str, processes: list[Process]
) -> None:
    team_id = await processes[0].lock(1)
    async with watched(market, f"/v1/teams/{team_id}/events") as shown:
        await anext(shown)
        with capture_logs() as lines, psycopg.connect(market_database, autocommit=True) as connection:
            connection.execute("ALTER TABLE team RENAME TO away")
            async with asyncio.timeout(10):
                while "live_progress_broke" not in [line["event"] for line in lines]:
                    await asyncio.sleep(0.01)
            connection.execute("ALTER TABLE away RENAME TO team")
        await processes[1].lock(2, team_id=team_id)
        second = await anext(shown)

    assert second["seats_taken"] == 2


async def test_several_teams_in_one_stream_and_only_what_changed(
    market: Service, processes: list[Process]
) -> None:
    teams = [await processes[0].lock(n) for n in (1, 2)]
    async with watched(market, "/v1/teams/events", id=teams) as shown:
        at_once = {(await anext(shown))["id"], (await anext(shown))["id"]}
        await processes[0].lock(3, team_id=teams[1])
        changed = await anext(shown)

    assert at_once == set(teams)
    assert (changed["id"], changed["seats_taken"]) == (teams[1], 2)


async def test_who_comes_back_is_not_told_again_what_they_know(
    market: Service, processes: list[Process]
) -> None:
    team_id = await processes[0].lock(1)
    known = f"{team_id}.forming.1.0"
    async with watched(market, f"/v1/teams/{team_id}/events", known=known) as shown:
        await processes[0].lock(2, team_id=team_id)
        first = await anext(shown)

    assert first["seats_taken"] == 2


async def test_an_unknown_team_has_no_stream(http: httpx.AsyncClient, market_database: str) -> None:
    answers = [
        await http.get("/v1/teams/nowhere/events"),
        await http.get("/v1/teams/events"),
        await http.get("/v1/teams/events", params={"id": [f"t{n}" for n in range(21)]}),
        await http.get("/v1/teams/%00/events"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "not_found"), (422, "invalid_request"), (422, "invalid_request"), (422, "invalid_request"),
    ]  # fmt: skip
    assert query(market_database, "SELECT count(*) FROM team") == [(0,)]
