from pathlib import Path

import pytest
from browser_people import chromium, home, leave_out_without_chromium, server, shop, visitor

from browser_operators import at_console, seller, sold

__all__ = ["at_console", "chromium", "home", "seller", "server", "shop", "sold", "visitor"]


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the marks, also of a folder named on the command line.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_out_without_chromium([item for item in items if Path(__file__).parent in item.path.parents])
