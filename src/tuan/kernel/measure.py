"""What is shown to Prometheus beside requests: desks, calls to others, and what the rows say when asked."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString, NamedTuple

import httpx
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tuan.kernel.db import Pool, transaction
from tuan.kernel.desk import Tally
from tuan.kernel.errors import Refusal

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Measure = Callable[[], Awaitable[None]]


class Desks(Collector):
    def __init__(self, registry: CollectorRegistry, tallies: Mapping[str, Callable[[], Tally]]) -> None:
        """Each desk by its name. They count; we only read."""
        self._tallies = tallies
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("tuan_desk_waiting", "Requests in the queue", labels=["desk"])
        batches = CounterMetricFamily("tuan_desk_batches", "Transactions made", labels=["desk"])
        outcomes = CounterMetricFamily(
            "tuan_desk_outcomes", "Requests by what became of them", labels=["desk", "outcome"]
        )
        for desk, read in self._tallies.items():
            tally = read()
            waiting.add_metric([desk], tally.waiting)
            batches.add_metric([desk], tally.batches)
            for outcome, count in tally.outcomes.items():
                outcomes.add_metric([desk, outcome], count)
        return [waiting, batches, outcomes]


class Level(NamedTuple):
    name: str
    of: str
    value: float


@dataclass(eq=False)
class Levels(Collector):
    """Gauges that a query answers, asked just before they are shown. Every process shows the same."""

    registry: CollectorRegistry
    pool: Pool
    query: LiteralString  # name, of, value
    _seen: list[Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry.register(self)

    async def measure(self) -> None:
        """While the database is away there is nothing to show of it."""
        self._seen = []
        try:
            async with transaction(self.pool) as connection:
                rows = await (await connection.execute(self.query)).fetchall()
        except Refusal:
            return
        self._seen = [Level(name, of, float(value)) for name, of, value in rows]

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, of, value in self._seen:
            family = families.setdefault(name, GaugeMetricFamily(name, "As the rows say", labels=["of"]))
            family.add_metric([of], value)
        return families.values()


class Calls(httpx.AsyncBaseTransport):
    """Counts what we ask of others, by whom, and how long they took."""

    def __init__(
        self, inside: httpx.AsyncBaseTransport, *, registry: CollectorRegistry, names: Mapping[str, str]
    ) -> None:
        """`names` says whose address begins how."""
        self._inside = inside
        self._names = names
        self._calls = Counter(
            "tuan_calls", "Calls to others by outcome", ["to", "outcome"], registry=registry
        )
        self._seconds = Histogram(
            "tuan_call_seconds", "Time until they answer", ["to"], buckets=SECONDS, registry=registry
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began, outcome = time.perf_counter(), "no_answer"
        try:
            response = await self._inside.handle_async_request(request)
            outcome = str(response.status_code)
            return response
        finally:
            to = self._name(str(request.url))
            self._calls.labels(to, outcome).inc()
            self._seconds.labels(to).observe(time.perf_counter() - began)

    async def aclose(self) -> None:
        await self._inside.aclose()

    def _name(self, url: str) -> str:
        return next((name for name, address in self._names.items() if url.startswith(address)), "others")
