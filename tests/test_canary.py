"""The canary of the whole suite: what it dies of, what it survives, and that a worker's is heard."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import canary
import pytest
from canary import judge, know
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


def test_what_a_fixture_made_is_known_whatever_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "known", set())
    said = [a_passed_test(printed=printed) for printed in ("a pass phrase", "MIIEvQIBADANBg", "of it all")]
    know(["a pass phrase", "-----BEGIN-----\nMIIEvQIBADANBg\nof it\n-----END-----"])
    for report in said:
        judge(report)
    assert [report.outcome for report in said] == ["failed", "failed", "passed"]


WHAT_OTHERS_DO = """
    import pytest
    from canary import know

    @pytest.fixture(scope="session")
    def phrase():
        know(["correct horse"])
        yield "correct horse"
        print("whsec_at_the_end")

    @pytest.fixture(scope="module")
    def careless():
        print("whsec_at_the_beginning")

    def test_tells(): print("whsec_here")
    def test_tells_what_a_fixture_made(phrase): print(phrase)
    def test_has_a_fixture_that_tells(careless): pass
    def test_tells_nothing(phrase): print("horse")
    """


def test_a_worker_tells_of_each_secret_once_as_that_tests_failure(tmp_path: Path) -> None:
    Path(tmp_path, "test_others.py").write_text(dedent(WHAT_OTHERS_DO))
    command = "-m pytest -n 1 -p canary -p no:cacheprovider -q -ra --rootdir . ."
    found = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent), "PYTEST_ADDOPTS": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    told = re.findall(r"^(FAILED|ERROR) test_others.py::(\w+) - .* a secret: (.+)$", found.stdout, re.M)
    assert sorted(told) == [
        ("ERROR", "test_has_a_fixture_that_tells", "whsec_at_the_beginning"),
        ("ERROR", "test_tells_nothing", "whsec_at_the_end"),
        ("FAILED", "test_tells", "whsec_here"),
        ("FAILED", "test_tells_what_a_fixture_made", "correct horse"),
    ]
    assert "2 failed, 1 passed, 2 errors" in found.stdout
    assert "crashed" not in found.stdout
    assert "INTERNALERROR" not in found.stdout
