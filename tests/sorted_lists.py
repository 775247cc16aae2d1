"""Lists of the consoles, read page by page in one order."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

Record = dict[str, Any]
Value = Callable[[Record], Any]


async def nothing() -> None:
    """Nothing happens meanwhile."""


async def walked(
    browser: httpx.AsyncClient,
    path: str,
    sort: str,
    *,
    meanwhile: Callable[[], Awaitable[None]] = nothing,
) -> list[Record]:
    """All rows, two at a time; `meanwhile` happens after the first page."""
    found: list[Record] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {"sort": sort, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        answer = await browser.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if not found:
            await meanwhile()
        found += page["items"]
        cursor = page["next_cursor"]
    return found


def in_order(rows: list[Record], value: Value, key: Value, sort: str) -> list[Record]:
    """As the list should come: an empty place before every value, equals by their key."""

    def place(row: Record) -> tuple[bool, Any, Any]:
        one = value(row)
        return one is not None, one if one is not None else 0, key(row)

    return sorted(rows, key=place, reverse=sort.startswith("-"))


async def refusals(browser: httpx.AsyncClient, path: str, sort: str) -> set[tuple[int, str]]:
    """Of columns that are none, and of cursors that are not this list's."""
    first = (await browser.get(path, params={"sort": sort, "limit": "1"})).json()["next_cursor"]
    wrong = [
        {"sort": "openid"},
        {"sort": "--created"},
        {"sort": "created;drop"},
        {"sort": f"-{sort}", "cursor": first},
        {"sort": sort, "cursor": first[:-5]},
        {"sort": sort, "cursor": "bm9uZQ=="},
    ]
    answers = [await browser.get(path, params=asked) for asked in wrong]
    return {(answer.status_code, answer.json()["code"]) for answer in answers}
