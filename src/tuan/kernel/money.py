"""Money is whole fen. Yuan are text, and exist only where a gateway or a page wants them."""

import re
from typing import Annotated

from pydantic import Field

FEN_MAX = 10_000_000_000  # One hundred million yuan: what Alipay takes in one trade.
YUAN = re.compile(r"(0|[1-9][0-9]{0,8})\.([0-9]{2})", re.ASCII)

Fen = Annotated[int, Field(strict=True, ge=0, le=FEN_MAX)]


def yuan_text(fen: int) -> str:
    """8800 → "88.00". Raises ValueError for a negative amount: no gateway has one."""
    if fen < 0:
        raise ValueError(f"{fen} fen cannot be written as a price")
    return f"{fen // 100}.{fen % 100:02d}"


def fen_of(yuan: str) -> int:
    """ "88.00" → 8800. Raises ValueError for anything but digits, a point and two digits."""
    if not (found := YUAN.fullmatch(yuan)):
        raise ValueError(f"{yuan!r} is not an amount in yuan")
    return int(found[1]) * 100 + int(found[2])
