"""What each role may do at the mall: read from the routes, and tried on every one of them."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from mall_builders import API, SHOP, World
from mall_console_builders import a_browser
from tables import all_there_is

from tuan.mall.console import ROOMS, door
from tuan.mall.console_guard import May
from tuan.mall.operator import PERMISSIONS, Permission, Role

ROOT = "/v1/console"
VALUES = {"job_id": "1", "day": "2026-11-23"}


def demands_of(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, May):
        yield dependant.call.permission
    for inner in dependant.dependencies:
        yield from demands_of(inner)


DEMANDS = {
    f"{method} {route.path}": sorted(set(demands_of(route.dependant)))
    for router in (door, *(room.router for room in ROOMS))
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}


WITH_BODY = {
    f"{method} {route.path}": (method, route.path)
    for router in (door, *(room.router for room in ROOMS))
    for route in router.routes
    if isinstance(route, APIRoute) and route.body_field
    for method in route.methods or ()
}


def refuses(answer: httpx.Response, field: str) -> bool:
    return any(one["field"].endswith(field) for one in answer.json()["errors"])


async def test_every_route_declares_one_permission(world: World) -> None:
    assert {route for route, demands in DEMANDS.items() if len(demands) != 1} == set()

    async with world.browser() as browser:
        served = (await browser.get(f"{SHOP}{API}/openapi.json")).json()["paths"]
    assert DEMANDS.keys() == {
        f"{method.upper()} {path.removeprefix(ROOT)}"
        for path, methods in served.items()
        if path.startswith(ROOT)
        for method in methods
    }


def test_who_may_do_what() -> None:
    """The roles as they were agreed on; each has all that the one before it has."""
    assert PERMISSIONS[Role.VIEWER] == {"look"}
    assert PERMISSIONS[Role.OPERATOR] == {"look", "sell", "serve", "pay_back"}
    assert PERMISSIONS[Role.ADMIN] == {"look", "sell", "serve", "pay_back", "account"}


def test_whoever_may_only_look_changes_nothing() -> None:
    looked_at = {route for route, demands in DEMANDS.items() if demands == [Permission.LOOK]}
    assert {route for route in looked_at if not route.startswith("GET ")} == set()


@pytest.mark.parametrize("role", [None, *Role], ids=str)
async def test_every_route_lets_in_the_roles_it_should_and_nobody_else(
    world: World, role: Role | None
) -> None:
    found, expected = {}, {}
    async with a_browser(world, role) as browser:
        for route, [permission] in DEMANDS.items():
            method, path = route.split()
            answer = await browser.request(method, filled(path), json=None if method == "GET" else {})
            found[route] = refusal if (refusal := answer.status_code) in (401, 403) else "let in"
            expected[route] = outcome(role, permission)

    assert found == expected


def filled(path: str) -> str:
    return "/".join(VALUES.get(part[1:-1], "x") if part.startswith("{") else part for part in path.split("/"))


def outcome(role: Role | None, permission: Permission) -> int | str:
    if role is None:
        return 401
    return "let in" if permission in PERMISSIONS[role] else 403


@pytest.mark.parametrize(
    "said", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}], ids=str
)
async def test_on_no_route_another_site_changes_anything(world: World, said: dict[str, str]) -> None:
    before = all_there_is(world.database)
    changes = [route.split() for route in DEMANDS if not route.startswith("GET ")]
    async with a_browser(world, Role.ADMIN) as browser:
        answers = [await browser.request(how, filled(path), json={}, headers=said) for how, path in changes]

    assert len(changes) > 10
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "forbidden")}
    assert all_there_is(world.database) == before


async def test_on_no_route_a_field_is_taken_that_was_not_asked_for(world: World) -> None:
    before = all_there_is(world.database)
    async with a_browser(world, Role.ADMIN) as browser:
        answers = {
            route: await browser.request(how, filled(path), json={"status": "paid", "amount_fen": "1"})
            for route, (how, path) in WITH_BODY.items()
        }

    assert len(answers) > 10
    assert {one.status_code for one in answers.values()} == {422}
    assert {route for route, one in answers.items() if not refuses(one, "status")} == set()
    assert all_there_is(world.database) == before


async def test_on_no_route_anything_is_found_that_nobody_has(world: World) -> None:
    looks = [route.removeprefix("GET ") for route in DEMANDS if route.startswith("GET ") and "{" in route]
    async with a_browser(world, Role.VIEWER) as browser:
        answers = [await browser.get(filled(path)) for path in looks]

    assert len(answers) > 3
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(404, "not_found")}
