"""One broker for the whole room, at full size: `make drills`."""

from collections.abc import Iterator

import pytest
from broker import Broker, own_broker
from story_world import empty, keyring

__all__ = ["empty", "keyring"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/rabbit" in str(item.path):
            item.add_marker(pytest.mark.drill)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with own_broker() as broker:
        yield broker
