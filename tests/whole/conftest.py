"""One `tuan up` for all the tests here: it tells everything it does, and its databases can be looked into."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import House, house


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the marks, also of a folder named on the command line.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("whole"))


@pytest.fixture(scope="session")
def whole(cluster: str) -> Iterator[House]:
    with house({"TUAN_DATABASE_SERVER": cluster, "TUAN_LOG_LEVEL": "debug"}) as found:
        yield found
