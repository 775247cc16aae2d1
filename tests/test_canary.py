"""The canary of the whole suite: what it dies of, and what it survives."""

import pytest
from canary import judge
from mall_stand_ins import ALIPAY_KEY

from tuan.kernel import rsa
from tuan.kernel.ids import new_code, new_id
from tuan.sandbox.qr import new_openid


def a_passed_test(*, printed: str) -> pytest.TestReport:
    return pytest.TestReport(
        "tests/test_it.py::test_it",
        ("tests/test_it.py", 1, "test_it"),
        {},
        "passed",
        None,
        "call",
        sections=[("Captured stdout call", f"2026-11-25 22:30:23 [info] request path=/v1/{printed} ms=1.23")],
    )


@pytest.mark.parametrize(
    "secret",
    [
        new_openid(),
        f"L{new_code(32)}",
        f"session={'aB3-' * 10}xyz; path=/",
        "whsec_c2VjcmV0",
        rsa.sign(ALIPAY_KEY, "团"),
        rsa.private_pem(ALIPAY_KEY),
        "Bearer market-key",
    ],
    ids=["openid", "ticket", "session", "signing secret", "signature", "private key", "key"],
)
def test_a_test_that_prints_a_secret_has_failed(secret: str) -> None:
    report = a_passed_test(printed=secret)
    judge(report)
    assert report.failed
    assert "the log tells a secret" in str(report.longrepr)


@pytest.mark.parametrize(
    "harmless",
    [new_id(), "orders/{number}", f"261123{new_code(10)}", "login/tickets"],
    ids=["id", "route", "order", "path"],
)
def test_a_test_that_prints_ids_and_paths_has_passed(harmless: str) -> None:
    report = a_passed_test(printed=harmless)
    judge(report)
    assert report.passed
