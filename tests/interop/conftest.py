from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interop_sandbox import Sandbox, a_sandbox
from oracles import Oracle, oracle

PROVED = pytest.StashKey[list[str]]()
Proved = Callable[[Oracle, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def sandbox(databases: dict[str, str]) -> Iterator[Sandbox]:
    """One for all tests here: each has order numbers of its own."""
    with a_sandbox(databases["sandbox"]) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=["python-alipay-sdk", "alipay-sdk-python"])
def alipay(request: pytest.FixtureRequest) -> Oracle:
    return oracle(request.param)


@pytest.fixture(scope="session")
def wechatpy() -> Oracle:
    return oracle("wechatpy")


@pytest.fixture(scope="session")
def wechatpayv3() -> Oracle:
    return oracle("wechatpayv3")


@pytest.fixture
def proved(request: pytest.FixtureRequest) -> Proved:
    lines = request.config.stash.setdefault(PROVED, [])
    return lambda library, what: lines.append(f"{library.name}: {what}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = terminalreporter.config.stash.get(PROVED, [])
    if lines:
        terminalreporter.section("shown")
        for line in lines:
            terminalreporter.line(line)
