"""Everything that can be asked of a seat, in every state it and its team can be in.

No state is skipped and none is left twice: what is not in the table changes nothing.
"""

from itertools import product

import httpx
import psycopg
import pytest
from market_builders import NOW
from market_processes import query
from webhook_builders import change

from tuan.kernel.ids import fingerprint
from tuan.kernel.service import Service

LOCK = {"campaign_id": "summer", "goods_id": "tea", "channel": "app"}
PAID = {"paid_at": NOW.isoformat()}
RIVALS_KEY = "the-key-of-the-rival"
THEIRS = {"authorization": f"Bearer {RIVALS_KEY}"}

STATES = {  # The seat, its team, and the steps that lead there.
    "locked": ("locked", "forming", ()),
    "settled": ("settled", "forming", ("settle",)),
    "released": ("released", "forming", ("release",)),
    "refunded": ("refunded", "forming", ("settle", "release")),
    "settled in a formed team": ("settled", "formed", ("settle", "fill")),
    "refunded in a formed team": ("refunded", "formed", ("settle", "fill", "release")),
    "released by a failed team": ("released", "failed", ("fail",)),
    "refunded by a failed team": ("refunded", "failed", ("settle", "fail")),
}
ASKS = ("lock again", "lock for another", "settle", "release", "join", "settle theirs", "release theirs")
CHANGES = {  # What a seat becomes, and its team with it.
    ("locked", "settle"): ("settled", "forming"),
    ("locked", "release"): ("released", "forming"),
    ("settled", "release"): ("refunded", "forming"),
    ("settled in a formed team", "release"): ("refunded", "formed"),
}
TEAM_ENDS = """
    UPDATE team SET opened_at = opened_at - interval '1 day', closes_at = closes_at - interval '1 day'
    WHERE opener_id = '{number}'"""
FORMING = ("locked", "settled", "released", "refunded")


def refusal(state: str, ask: str) -> str:
    """The code of the answer; "" for none."""
    match ask:
        case "lock for another":
            return "order_number_reused"
        case "settle theirs" | "release theirs":
            return "not_found"
        case "join":
            return "" if state in FORMING else "team_closed"
        case "settle":
            return "" if STATES[state][0] in ("locked", "settled") else "seat_gone"
    return ""


class Asker:
    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self.http = http
        self.url = url

    async def put(self, path: str, body: dict[str, str], headers: dict[str, str] | None = None) -> str:
        answer = await self.http.put(f"/v1/seats/{path}", json=body, headers=headers)
        assert answer.status_code < 500
        code: str = answer.json().get("code", "")
        return code

    async def lead_to(self, steps: tuple[str, ...], number: str) -> None:
        await self.put(number, LOCK | {"buyer_id": number})
        for step in steps:
            match step:
                case "fill":
                    other = f"{number}-other"
                    await self.put(other, LOCK | {"buyer_id": other, "team_id": self.team_of(number)})
                    await self.put(f"{other}/settlement", PAID)
                case "fail":
                    change(self.url, TEAM_ENDS.format(number=number))
                case _:
                    await self.ask(step, number)

    async def ask(self, ask: str, number: str) -> str:
        match ask:
            case "lock again":
                return await self.put(number, LOCK | {"buyer_id": number})
            case "lock for another":
                return await self.put(number, LOCK | {"buyer_id": "another"})
            case "join":
                newcomer = f"{number}-newcomer"
                joining = {"buyer_id": newcomer, "team_id": self.team_of(number)}
                return await self.put(newcomer, LOCK | joining)
        verb, _, theirs = ask.partition(" ")
        path, body = ("settlement", PAID) if verb == "settle" else ("release", {})
        return await self.put(f"{number}/{path}", body, THEIRS if theirs else None)

    def team_of(self, number: str) -> str:
        [(team_id,)] = query(self.url, f"SELECT team_id FROM seat WHERE out_trade_no = '{number}'")
        return str(team_id)

    def look(self, number: str) -> tuple[object, ...]:
        [found] = query(
            self.url,
            "SELECT seat.status, team.status FROM seat JOIN team ON team.id = team_id"
            f" WHERE out_trade_no = '{number}'",
        )
        return found


async def test_every_ask_in_every_state(market: Service, http: httpx.AsyncClient, selling: str) -> None:
    save_rival(selling)
    asker = Asker(http, selling)
    cases = {f"T{n}": case for n, case in enumerate(product(STATES, ASKS))}
    for number, (state, _) in cases.items():
        await asker.lead_to(STATES[state][2], number)
    await market.drain()

    wrong = []
    for number, (state, ask) in cases.items():
        before = STATES[state][:2]
        assert asker.look(number) == before
        answered, after = await asker.ask(ask, number), asker.look(number)
        if (answered, after) != (refusal(state, ask), CHANGES.get((state, ask), before)):
            wrong.append((state, ask, answered, after))
    assert wrong == []


@pytest.mark.parametrize("ask", ["settlement", "release"])
async def test_a_number_nobody_locked(http: httpx.AsyncClient, selling: str, ask: str) -> None:
    answer = await http.put(f"/v1/seats/nobodys/{ask}", json=PAID if ask == "settlement" else {})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert query(selling, "SELECT count(*) FROM seat") == [(0,)]


def save_rival(url: str) -> None:
    """Another source with a key of its own; and teams of two."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE terms SET seats_target = 2")
        connection.execute("INSERT INTO source VALUES ('rival', 'rival', now())")
        connection.execute(
            "INSERT INTO api_key (fingerprint, source, created_at) VALUES (%s, 'rival', now())",
            [fingerprint(RIVALS_KEY)],
        )
