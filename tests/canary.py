"""A canary over everything that the tests make our code print: it dies of a secret.

What it knows are the shapes of secrets, and the tests' own: a report does not say what was in the databases.
"""

import re

import pytest

SECRET = re.compile(
    r"\bo-(?:ann|bob|cai|mallory)\b|(?<![\w-])o[\w-]{27}(?![\w-])"  # openids
    r"|\bL[0-9A-HJKMNP-TV-Z]{32}\b"  # login tickets
    r"|(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*[0-9])[\w-]{43}(?![\w-])"  # sessions, API keys
    r"|[A-Za-z0-9+/]{300}|\b[0-9a-f]{40}\b"  # signatures, of Alipay and of WeChat
    r"|market-key|wechat-secret|whsec_|PRIVATE KEY|Bearer ",
    re.ASCII,
)


def judge(report: pytest.TestReport) -> None:
    """A test that passed, and made our code print a secret, has failed."""
    printed = report.capstdout + report.capstderr + report.caplog
    if report.passed and (told := SECRET.search(printed)):
        report.outcome = "failed"
        report.longrepr = f"the log tells a secret: {printed[max(0, told.start() - 200) : told.end() + 20]}"
