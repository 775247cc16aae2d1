"""One trace from the gateway's notify to the handing over: mall, market, their workers, and the webhook."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from story_people import a_joiner, an_opener
from story_world import Ahead, a_world

from tuan.kernel.jobs import Jobs
from tuan.kernel.trace import ENDPOINT, OFF, trace_of
from tuan.keyring import Keyring

TEA = "9890002"  # In teams of two.
SERVER, CLIENT, CONSUMER = 2, 3, 5


class Span(NamedTuple):
    service: str
    name: str
    kind: int
    trace: str
    parent: str
    id: str


class Collector:
    """Where spans are sent, on this machine."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    @contextmanager
    def listening(self) -> Iterator[str]:
        collector = self

        class Hear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Hear) as server:
            thread = Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            [service] = [
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            ]
            for scope in resource.scope_spans:
                for one in scope.spans:
                    ids = (one.trace_id.hex(), one.parent_span_id.hex(), one.span_id.hex())
                    self.spans.append(Span(service, one.name, one.kind, *ids))


async def test_one_trace_leads_from_the_last_payment_to_the_handing_over(
    empty: dict[str, str], keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    with collector.listening() as url:
        monkeypatch.setenv(ENDPOINT, url)
        async with a_world(empty, keyring, clock=Ahead()) as world:
            ann, opened = await an_opener(world, TEA)
            await ann.pay_for(opened["number"])
            await world.settle_down()
            bob, number = await a_joiner(world, opened)
            await bob.pay_for(number)
            await world.settle_down()
            assert await bob.status(number) == "fulfilled"

    [webhook] = [span for span in collector.spans if span.name == "POST /hooks/market"]
    ours = [span for span in collector.spans if span.trace == webhook.trace]
    told = {(span.service, span.name, span.kind) for span in ours}
    assert told >= {
        ("tuan-mall", "POST /hooks/{gateway}", SERVER),
        ("tuan-mall", "settle", CONSUMER),
        ("tuan-mall", "PUT", CLIENT),
        ("tuan-market", "PUT /v1/seats/{out_trade_no}/settlement", SERVER),
        ("tuan-market", "deliver", CONSUMER),
        ("tuan-market", "POST", CLIENT),
        ("tuan-mall", "POST /hooks/market", SERVER),
        ("tuan-mall", "fulfil", CONSUMER),
    }
    ids = {span.id for span in ours}
    assert [span.name for span in ours if span.parent not in ids] == ["POST /hooks/{gateway}"]


async def test_without_a_collector_nothing_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    trace, way = trace_of("mall"), httpx.AsyncHTTPTransport()

    assert trace is OFF
    assert trace.calling(way) is way
    assert trace.serving(an_app) is an_app
    assert trace.carried() == {}
    job = Jobs("postgresql://nowhere", trace=trace)._job("deliver", {"n": 1, "lock": "a"}, None)
    assert set(job.task_kwargs) == {"request_id", "n"}


async def test_a_collector_that_is_away_costs_a_service_nothing_but_its_spans(
    empty: dict[str, str], keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    async with asyncio.timeout(60), a_world(empty, keyring, clock=Ahead()) as world:
        ann, opened = await an_opener(world, TEA)
        await ann.pay_for(opened["number"])
        await world.settle_down()
        assert await ann.status(opened["number"]) == "paid"


async def an_app(*_: object) -> None:
    """Serves nobody."""
