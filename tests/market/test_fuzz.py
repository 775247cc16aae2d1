"""Whatever anybody sends to whatever is documented: an answer of the documented shape, and never a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from market_builders import API_KEY, save_campaign
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from served import served

from conftest import emptied


@pytest.fixture
def address(databases: dict[str, str]) -> Iterator[str]:
    url = emptied(databases["market"])
    save_campaign(url)
    with served("market", {"TUAN_MARKET_DATABASE_URL": url}) as address:
        yield address


def test_no_request_breaks_the_market(address: str) -> None:
    documented = schemathesis.openapi.from_url(f"{address}/openapi.json")
    tried = 0
    for found in documented.exclude(path_regex="/events$").get_all_operations():  # A stream does not end.
        assert isinstance(found, Ok)
        send_anything_to(found.ok())
        tried += 1
    assert tried >= 7


def send_anything_to(operation: APIOperation[Any, Any, Any, Any]) -> None:
    @given(operation.as_strategy())
    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers={"authorization": f"Bearer {API_KEY}"}, timeout=10)

        assert response.status_code < 500, f"{operation.label}: {response.text}"
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]
            assert response.json()["code"]

    send()
