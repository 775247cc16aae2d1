from pathlib import Path

import pytest
from browser_people import chromium, leave_out_without_chromium, server, visitor

__all__ = ["chromium", "server", "visitor"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    leave_out_without_chromium([item for item in items if Path(__file__).parent in item.path.parents])
