"""A hot route answers alike, asked straight or the long way."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import pytest
from echo_house import BY_QUERY, CHUNKED, LONG_WAYS, PATH, STRAIGHT, House, a_house, connected

from tuan.kernel.straight import Straight


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as house:
        yield house


@pytest.mark.parametrize("way", LONG_WAYS)
@pytest.mark.parametrize(
    ("word", "status", "said"),
    [("hi", 200, {"word": "s1-r1-hi"}), ("busy", 503, "overloaded"), ("b a d", 422, "invalid_request")],
)
async def test_both_ways_answer_alike_and_are_counted_alike(
    house: House, way: str, word: str, status: int, said: object
) -> None:
    async with connected(house) as connection:
        connection.ask(word)
        straight = await connection.answer()
        asked_straight = house.straight
        connection.ask(word, way=way)
        long = await connection.answer()

    lines, body = straight
    assert straight == long
    assert (asked_straight, house.straight) == (1, 1)
    assert said in (body, body.get("code"))
    assert "x-request-id: mine-and-mine" in lines
    assert house.count(status) == 2


async def test_a_key_is_asked_for(house: House) -> None:
    async with connected(house) as connection:
        connection.writer.write(
            f"POST {PATH} HTTP/1.1\r\nhost: echo\r\ncontent-length: 13\r\n\r\n".encode() + b'{"word":"hi"}'
        )
        _, body = await connection.answer()

    assert (body["code"], house.straight, house.heard) == ("unauthorized", 1, [])


async def test_what_breaks_says_so_and_tells_nothing_and_the_connection_goes_on(house: House) -> None:
    async with connected(house) as connection:
        connection.ask("broken")
        lines, body = await connection.answer()
        connection.ask("hi")
        _, after = await connection.answer()

    assert "HTTP/1.1 500 Internal Server Error" in lines
    assert (body["code"], "secret" in str(body), after) == ("internal_error", False, {"word": "s1-r1-hi"})
    assert (house.count(500), house.count(200)) == (1, 1)


async def test_requests_sent_ahead_are_served_one_after_the_other(house: House) -> None:
    async with connected(house) as connection, connected(house) as another:
        for word in ("wait", "second", "third"):
            connection.ask(word)
        connection.ask("fourth", way=CHUNKED)
        while not house.heard:
            await asyncio.sleep(0)
        another.ask("meanwhile")
        await another.answer()
        assert house.heard == ["wait", "meanwhile"]
        house.let_go.set()
        words = [(await connection.answer())[1]["word"] for _ in range(4)]

    assert words == ["s1-r1-wait", "s1-r1-second", "s1-r1-third", "s1-r1-fourth"]


@pytest.mark.parametrize("way", [STRAIGHT, BY_QUERY])
async def test_who_asks_for_the_end_of_the_connection_gets_it(house: House, way: str) -> None:
    async with connected(house) as connection:
        connection.ask("hi", way=way, ahead=["connection: close"])
        lines, _ = await connection.answer()
        rest = await connection.reader.read()

    assert ("connection: close" in lines, rest) == (True, b"")


async def test_an_older_client_gets_the_end_of_the_connection(house: House) -> None:
    async with connected(house) as connection:
        head = f"POST {PATH} HTTP/1.0\r\nauthorization: Bearer k1\r\ncontent-length: 13\r\n\r\n"
        connection.writer.write(head.encode() + b'{"word":"hi"}')
        lines, _ = await connection.answer()
        rest = await connection.reader.read()

    assert ("connection: close" in lines, rest, house.straight) == (True, b"", 1)


async def test_who_waits_to_be_let_in_is_let_in(house: House) -> None:
    async with connected(house) as connection:
        head = (
            f"POST {PATH} HTTP/1.1\r\nauthorization: Bearer k1\r\nexpect: 100-continue\r\ncontent-length: 13"
        )
        connection.writer.write(f"{head}\r\n\r\n".encode())
        let_in = await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.write(b'{"word":"hi"}')
        _, body = await connection.answer()

    assert (let_in, body) == (b"HTTP/1.1 100 Continue\r\n\r\n", {"word": "s1-r1-hi"})


async def test_a_body_that_is_too_long_is_not_read(house: House) -> None:
    async with connected(house) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nauthorization: Bearer k1\r\ncontent-length: {64 * 1024 + 1}\r\n\r\n"
        connection.writer.write(head.encode())
        lines, body = await connection.answer()

    assert (lines[0].startswith("HTTP/1.1 413"), body["code"], house.straight) == (True, "body_too_large", 0)


async def test_a_body_that_comes_in_pieces_is_put_together(house: House) -> None:
    content = json.dumps({"word": "x" * 60, "filled": "y" * 60_000}).encode()
    async with connected(house) as connection:
        head = f"POST {PATH} HTTP/1.1\r\nauthorization: Bearer k1\r\ncontent-length: {len(content)}\r\n\r\n"
        connection.writer.write(head.encode() + content[:30_000])
        await connection.writer.drain()
        connection.writer.write(content[30_000:])
        _, body = await connection.answer()

    assert (body["errors"], house.straight) == (
        [{"field": "filled", "message": "Extra inputs are not permitted"}],
        1,
    )


async def test_one_key_said_twice_is_read_as_ever(house: House) -> None:
    """The first counts, as Starlette has it. A proxy and we must not read a request differently."""
    async with connected(house) as connection:
        connection.ask("hi", ahead=["authorization: Bearer another"])
        _, body = await connection.answer()

    assert (body, house.straight) == ({"word": "s1-r1-hi"}, 0)


async def test_who_leaves_before_the_answer_harms_nobody(house: House) -> None:
    async with connected(house) as gone:
        gone.ask("wait")
        while not house.heard:
            await asyncio.sleep(0)
    async with connected(house) as connection:
        house.let_go.set()
        connection.ask("hi")
        _, body = await connection.answer()

    assert body == {"word": "s1-r1-hi"}
    assert house.count(200) == 2


async def test_who_reads_none_of_its_answers_is_written_no_more(house: House) -> None:
    async with connected(house) as connection:
        connection.ask("hi")
        await connection.answer()
        [protocol] = house.server.server_state.connections
        assert isinstance(protocol, Straight)
        protocol.pause_writing()  # As its transport does, once enough has piled up.
        connection.ask("unread")
        async with connected(house) as another:
            another.ask("meanwhile")
            await another.answer()
        assert (house.heard, protocol.cycle.response_complete) == (["hi", "unread", "meanwhile"], False)
        protocol.resume_writing()
        _, body = await connection.answer()

    assert body == {"word": "s1-r1-unread"}


async def test_a_server_that_stops_answers_what_it_has_begun(house: House) -> None:
    async with connected(house) as connection:
        connection.ask("wait")
        while not house.heard:
            await asyncio.sleep(0)
        house.server.should_exit = True
        while house.server.servers and house.server.servers[0].is_serving():
            await asyncio.sleep(0)
        house.let_go.set()
        lines, body = await connection.answer()
        rest = await connection.reader.read()

    assert ("connection: close" in lines, body, rest) == (True, {"word": "s1-r1-wait"}, b"")


async def test_who_takes_leave_ends_each_connection_with_its_answer() -> None:
    async with a_house(behind="127.0.0.1") as house:
        house.server.handle_exit(signal.SIGTERM, None)
        lines: list[str] = []
        while "connection: close" not in lines:
            async with connected(house) as connection:
                connection.ask("hi")
                lines, _ = await connection.answer()
        assert house.server.servers[0].is_serving()
        assert house.straight > 0
