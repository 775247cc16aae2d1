"""What the database refuses whoever asks: rows that no rule could explain."""

import psycopg
import pytest
from market_processes import Process, query
from psycopg import errors
from webhook_builders import add_endpoint

IMPOSSIBLE = {
    "more seats taken than there are": "UPDATE team SET seats_taken = seats_target + 1",
    "more settled than taken": "UPDATE team SET seats_settled = seats_taken + 1",
    "fewer than none": "UPDATE team SET seats_settled = -1",
    "formed and not full": "UPDATE team SET status = 'formed', closed_at = now()",
    "full and not formed": "UPDATE team SET seats_taken = seats_target, seats_settled = seats_target",
    "over and not closed": "UPDATE team SET status = 'failed'",
    "closed and not over": "UPDATE team SET closed_at = now()",
    "a status of no team": "UPDATE team SET status = 'finished'",
    "a deadline before the beginning": "UPDATE team SET closes_at = opened_at",
    "settled and never paid": "UPDATE seat SET status = 'settled'",
    "refunded and never paid": "UPDATE seat SET status = 'refunded', given_back = out_trade_no",
    "released and still held": "UPDATE seat SET status = 'released'",
    "held and given back": "UPDATE seat SET given_back = out_trade_no",
    "a price that does not add up": "UPDATE seat SET discount_fen = discount_fen + 1",
    "a seat for nothing": "UPDATE seat SET discount_fen = list_fen, payable_fen = 0",
    "a discount that costs": "UPDATE seat SET discount_fen = -1, payable_fen = list_fen + 1",
    "a seat in no team": "UPDATE seat SET team_id = 'none'",
    "delivered at no moment": "UPDATE delivery SET status = 'delivered'",
}
TWICE = {
    "an order with two seats": "INSERT INTO seat SELECT * FROM seat",
    "a buyer twice in a team": """
        INSERT INTO seat SELECT (json_populate_record(seat, '{"out_trade_no": "T2"}')).* FROM seat""",
    "a team that formed twice": """
        INSERT INTO event SELECT 'e2', source, kind, about, data, created_at FROM event""",
}
EVERYTHING = "SELECT team::text, seat::text, event::text, delivery::text FROM team, seat, event, delivery"


@pytest.fixture
async def rows(processes: list[Process], selling: str) -> str:
    """One of each."""
    await processes[0].lock(1)
    add_endpoint(selling, "e1")
    with psycopg.connect(selling) as connection:
        connection.execute("INSERT INTO event VALUES ('e1', 'mall', 'team.formed', 't1', '{}', now())")
        connection.execute("INSERT INTO delivery (event_id, endpoint_id) VALUES ('e1', 'e1')")
    return selling


async def test_impossible_rows_are_refused(rows: str) -> None:
    before = query(rows, EVERYTHING)
    for what, change in IMPOSSIBLE.items():
        refuses(rows, change, (errors.CheckViolation, errors.ForeignKeyViolation), what)
    for what, change in TWICE.items():
        refuses(rows, change, (errors.UniqueViolation,), what)
    assert query(rows, EVERYTHING) == before


def refuses(url: str, change: str, because: tuple[type[Exception], ...], what: str) -> None:
    try:
        with psycopg.connect(url) as connection:
            connection.execute(change.encode())
    except because:
        return
    pytest.fail(f"allowed: {what}")


async def test_every_moment_is_kept_with_its_zone(selling: str) -> None:
    naive = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('timestamp without time zone', 'date', 'time')"""
    assert query(selling, naive) == [("quote_count", "day")]  # A day of Beijing's calendar, and no moment.
