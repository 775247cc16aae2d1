"""One deployment for the whole room."""

from collections.abc import Iterator

import pytest
from deployment import Deployment, deployed


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the marks, also of a folder named on the command line.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/cluster" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment
