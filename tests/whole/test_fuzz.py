"""Whatever anybody sends to whatever the mall documents: an answer as documented, and never a 5xx."""

from typing import Any

import httpx
import pytest
import schemathesis
from house import House
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def as_stranger(mall: str) -> dict[str, str]:
    return {}


def as_buyer(mall: str) -> dict[str, str]:
    """Each time somebody new: what is sent may well sign them out."""
    entered = httpx.post(f"{mall}/v1/sessions/guest")
    return {"cookie": f"tuan_session={entered.cookies['tuan_session']}"}


@pytest.mark.parametrize("who", [as_stranger, as_buyer], ids=["a stranger", "a buyer"])
def test_no_request_breaks_the_mall(whole: House, who: Any) -> None:
    mall = f"{whole.url}/api/mall"
    documented = schemathesis.openapi.from_url(f"{mall}/openapi.json")
    tried, seen = 0, set()
    for found in documented.get_all_operations():
        assert isinstance(found, Ok)
        seen |= send_anything_to(found.ok(), headers=who(mall))
        tried += 1
    assert tried >= 17
    assert {200, 201, 204, 404} <= seen, "nothing was ever tried in earnest"
    assert (422 if who is as_buyer else 401) in seen


def send_anything_to(operation: APIOperation[Any, Any, Any, Any], *, headers: dict[str, str]) -> set[int]:
    """Which answers there were."""
    seen: set[int] = set()

    @given(operation.as_strategy())
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers=headers, timeout=20)
        case.validate_response(response, checks=CHECKS)
        seen.add(response.status_code)
        if response.status_code >= 400:
            assert response.json()["code"]

    send()
    return seen
