"""A canary over everything that the tests make our code print: it dies of a secret.

What it knows are the shapes of secrets, those the tests always use, and those that a fixture made and told
it of: a report does not say what was in the databases.
"""

import re
from collections.abc import Generator, Iterable

import pytest

SECRET = (
    r"\bo-(?:ann|bob|cai|mallory)\b|(?<![\w-])o[\w-]{27}(?![\w-])"  # openids
    r"|\bL[0-9A-HJKMNP-TV-Z]{32}\b"  # login tickets
    r"|(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*[0-9])[\w-]{43}(?![\w-])"  # sessions, API keys
    r"|[A-Za-z0-9+/]{300}|\b[0-9a-f]{40}\b"  # signatures, of Alipay and of WeChat
    r"|market-key|the-key-of-the-|wechat-secret|of-the-test-account|whsec_|PRIVATE KEY|Bearer "
)
SHORTEST = 8  # What is shorter is found in what is harmless.
known: set[str] = set()


def know(secrets: Iterable[str]) -> None:
    """Made for this run. Of a key of several lines each line is one."""
    lines = {line for secret in secrets for line in secret.splitlines()}
    known.update(line for line in lines if len(line) >= SHORTEST and not line.startswith("-----"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    judge(report)
    return report


def judge(report: pytest.TestReport) -> None:
    """A test that passed, and made our code print a secret, has failed. It is told once, where it was
    printed: each report repeats what was printed before it."""
    printed = "".join(said for title, said in report.sections if title.endswith(f" {report.when}"))
    secret = "|".join([SECRET, *map(re.escape, sorted(known))])
    if report.passed and (told := re.search(secret, printed, re.ASCII)):
        report.outcome = "failed"
        report.longrepr = f"the log tells a secret: {printed[max(0, told.start() - 200) : told.end() + 20]}"
