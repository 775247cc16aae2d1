"""A long life with everything that can happen in it, and every fen in its place at the end."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from story_books import came_to
from story_machine import BOOK, TEA, TROUBLES, Life, StoryMachine
from story_people import a_product
from story_world import URL, Standing, a_world

from tuan.keyring import Keyring
from tuan.up import load_demo

FEW = (len(TROUBLES) + 1) // 2  # Each life begins with two of them.
MANY = 100
WANTED = {
    "orders": {"fulfilled", "refunded", "closed"},
    "teams": {"formed", "failed"},
    "told by": {"notify", "query"},
    "verdicts": {"paid", "repeated", "late_money", "forged", "amount_differs", "other_app"},
}


@pytest.fixture
def life(empty: dict[str, str], keyring: Keyring) -> Iterator[Life]:
    with asyncio.Runner() as runner:
        runner.run(load_demo(URL, empty, keyring))
        with psycopg.connect(empty["market"]) as connection:
            connection.execute("UPDATE terms SET take_limit = 100")
        opening = a_world(empty, keyring, clock=Standing())
        world = runner.run(opening.__aenter__())
        yield Life(world, runner, [runner.run(a_product(world, id)) for id in (TEA, BOOK)])
        runner.run(opening.__aexit__(None, None, None))


@pytest.mark.parametrize("lives", [FEW, pytest.param(MANY, marks=pytest.mark.drill)])
def test_whatever_happens_every_order_has_an_end_and_every_fen_an_owner(life: Life, lives: int) -> None:
    """The few are the same each time; the many are others."""
    run_state_machine_as_test(
        lambda: StoryMachine(life),  # type: ignore[arg-type]
        settings=settings(
            max_examples=lives,
            stateful_step_count=30 if lives == FEW else 50,
            deadline=None,
            derandomize=lives == FEW,
            database=None,
            phases=[Phase.generate] if lives == FEW else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    came = came_to(life.world)
    print("reached:", dict(sorted(life.reached.items())), came)  # noqa: T201 - Half of what it says.
    assert {*TROUBLES} <= {*life.reached}
    assert {name: {*reached} & WANTED[name] for name, reached in came.items()} == WANTED
