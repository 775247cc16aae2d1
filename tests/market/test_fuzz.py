"""Whatever anybody sends to whatever is documented: an answer of the documented shape, and never a 5xx.

Half of the requests name things that exist, for what is only reached behind a 404 is reached by those.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from console_builders import appoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from market_builders import API_KEY, NOW, save_campaign
from market_processes import query
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import served
from webhook_builders import add_endpoint, change

from conftest import emptied
from tuan.kernel.audit import audit
from tuan.market.operator import Role
from tuan.market.store_audit import RULES

SHAPE = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
LOCK = {"buyer_id": "b1", "campaign_id": "summer", "goods_id": "tea", "channel": "app"}
TELL = """
    INSERT INTO event VALUES ('v1', 'mall', 'test.ping', 'v1', '{}', now());
    INSERT INTO delivery (event_id, endpoint_id, status, died_at) VALUES ('v1', 'e1', 'dead', now());
    INSERT INTO segment (id, name, created_at) VALUES ('vips', '常客', now())"""


class Place(NamedTuple):
    """A market with one of everything."""

    url: str
    address: str
    known: Mapping[str, str]


@pytest.fixture(scope="module")
def place(databases: dict[str, str]) -> Iterator[Place]:
    url = emptied(databases["market"])
    save_campaign(url)
    add_endpoint(url, "e1")
    change(url, TELL)
    colleague, _ = appoint(url, Role.VIEWER, now=NOW)
    with served("market", {"TUAN_MARKET_DATABASE_URL": url}) as address:
        seat = httpx.put(
            f"{address}/v1/seats/T1", json=LOCK, headers={"authorization": f"Bearer {API_KEY}"}
        ).json()
        [(key_id,)] = query(url, "SELECT encode(substring(fingerprint FOR 6), 'hex') FROM api_key")
        known = LOCK | {
            "source": "mall",
            "out_trade_no": "T1",
            "team_id": seat["team_id"],
            "segment_id": "vips",
            "import_id": "i1",
            "discount_id": "d1",
            "endpoint_id": "e1",
            "event_id": "v1",
            "key_id": str(key_id),
            "operator_id": colleague,
        }
        yield Place(url, address, known)


def test_no_stranger_breaks_the_market(place: Place) -> None:
    send_anything(place, dict, examples=3)


def test_no_source_breaks_the_market(place: Place) -> None:
    send_anything(place, lambda: {"authorization": f"Bearer {API_KEY}"}, under="/v1", examples=20)


def test_no_operator_breaks_the_market(place: Place) -> None:
    def session() -> dict[str, str]:
        """A new one for each operation: some end it."""
        return {"cookie": f"tuan_operator={appoint(place.url, Role.ADMIN, now=NOW)[1]}"}

    send_anything(place, session, under="/console/v1", examples=8)


def send_anything(
    place: Place, headers: Callable[[], dict[str, str]], *, under: str = "/", examples: int
) -> None:
    documented = schemathesis.openapi.from_url(f"{place.address}/openapi.json")
    tried = 0
    for found in documented.exclude(path_regex="/events$").get_all_operations():  # A stream does not end.
        assert isinstance(found, Ok)
        if found.ok().path.startswith(under):
            send_anything_to(found.ok(), headers(), place.known, examples=examples)
            tried += 1
    assert tried >= 7
    assert audit(place.url, [rule for rule in RULES if not rule.needs_time], overdue=NOW) == []


def send_anything_to(
    operation: APIOperation[Any, Any, Any, Any],
    headers: dict[str, str],
    known: Mapping[str, str],
    *,
    examples: int,
) -> None:
    @given(case=operation.as_strategy(), about_known=st.booleans())
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case[Any], about_known: bool) -> None:
        if about_known:
            for said in (case.path_parameters, case.body):
                name_known(said, known)
        response = case.call(headers=headers, timeout=20)

        assert response.status_code < 500, f"{operation.label}: {response.text}"
        case.validate_response(response, checks=SHAPE)
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"]
            assert response.json()["code"]

    send()


def name_known(said: object, known: Mapping[str, str]) -> None:
    if isinstance(said, dict):
        said.update({name: known[name] for name in said if name in known})
