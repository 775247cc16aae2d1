"""The bench's arithmetic: what is said of a figure, and what a late answer is charged for."""

import asyncio
from xml.etree import ElementTree

import pytest

from bench.open_loop import ask_at, http
from bench.report import BARS, Bar, figure, plot, table, verdict

PAIRS = [(12.0, 10.0), (9.0, 10.0), (30.0, 20.0), (11.0, 10.0), (8.0, 8.0)]


def test_a_figure_is_the_middle_of_the_ratios_and_not_the_ratio_of_the_middles() -> None:
    found = figure(PAIRS)
    assert (found.min, found.median, found.max, found.pairs) == (0.9, 1.1, 1.5, 5)
    assert (found.ours, found.theirs) == (11.0, 10.0)


@pytest.mark.parametrize(
    ("key", "median", "said"),
    [
        ("lock_spread", 1.0, ""),
        ("lock_spread", 0.9, "missed by 10%"),
        ("lock_spread", 0.8, "missed by 20%"),
        ("lock_spread", 0.79, "MISSED by 21%: 0.79, must reach 1"),
        ("tail", 4.0, ""),
        ("tail", 4.4, "missed by 10%"),
        ("tail", 5.0, "MISSED by 25%: 5, must reach 4"),
        ("two_backends", 0.01, ""),
    ],
)
def test_a_figure_that_misses_its_bar_by_more_than_a_fifth_is_said_loudly(
    key: str, median: float, said: str
) -> None:
    assert verdict(key, figure([(median, 1)])) == said


def test_a_figure_with_refused_answers_says_nothing_however_good_it_is() -> None:
    assert verdict("lock_hot", figure([(9, 1)], bad=3)).startswith("3 answers were refused")


def test_where_less_is_better_the_bar_is_missed_from_above() -> None:
    bar = Bar(2, 1, less_is_better=True)
    assert (bar.shortfall(1.5), bar.shortfall(3)) == (0, 0.5)


def test_the_table_and_the_plot_show_every_figure_beside_its_bar() -> None:
    found = {key: figure(PAIRS) for key in BARS}
    rows = table(found).splitlines()
    assert len(rows) == 2 + len(BARS)
    assert rows[2] == "| `lock_spread` | 0.9 | **1.1** | 1.5 | ≥ 1 × | 1.4 | 11 | 10 |"
    words = list(ElementTree.fromstring(plot(found)).itertext())
    assert [key for key in BARS if key in words] == [key for key, bar in BARS.items() if bar.must]


async def test_whoever_should_have_been_asked_while_the_server_stalled_waited_too() -> None:
    stalled, hung_up = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n{}")
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                hung_up.set()
                return
            asyncio.get_running_loop().call_later(0.5, stalled.set)
            await stalled.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        waits = await ask_at(
            100, f"http://127.0.0.1:{port}", lambda _: http("POST", "/", "{}"), seconds=0.5, connections=1
        )
        await asyncio.wait_for(hung_up.wait(), 5)

    assert (len(waits.seconds), waits.bad) == (50, 0)
    # One was out; the other 49 were due every hundredth of a second, and all are charged from then.
    assert waits.percentile(0.99) >= 0.49
    assert waits.percentile(0.5) >= 0.25
