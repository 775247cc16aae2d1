"""What a bill is made of, the links that lead to bills, and what is to be wrong with them."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from tuan.kernel.db import Connection
from tuan.kernel.errors import NotFound
from tuan.sandbox.bill import BillRow, BillTrouble, Period, TroubleKind, fee_fen

ROWS: Final = """
    SELECT trade_no, out_trade_no, NULL AS refund_number, subject, buyer_logon_id, created_at,
        paid_at AS finished_at, total_fen AS amount_fen
    FROM trade WHERE app_id = %(app_id)s AND paid_at >= %(starts_at)s AND paid_at < %(ends_at)s
    UNION ALL
    SELECT trade_no, out_trade_no, refund_number, subject, buyer_logon_id, refunded_at, refunded_at,
        -refund_fen
    FROM refund JOIN trade USING (trade_no)
    WHERE app_id = %(app_id)s AND refunded_at >= %(starts_at)s AND refunded_at < %(ends_at)s
    ORDER BY finished_at, trade_no, amount_fen DESC"""

ADD_LINK: Final = """
    INSERT INTO bill_link (token, file_name, file, expires_at)
    VALUES (%(token)s, %(file_name)s, %(file)s, %(expires_at)s)"""

FORGET_LINKS: Final = "DELETE FROM bill_link WHERE expires_at <= %s"

FILE: Final = "SELECT file_name, file FROM bill_link WHERE token = %s AND expires_at > %s"

ADD_TROUBLE: Final = """
    INSERT INTO bill_trouble (id, period, kind, out_trade_no, refund_number, amount_fen, says, created_at)
    VALUES (%(id)s, %(period)s, %(kind)s, %(out_trade_no)s, %(refund_number)s, %(amount_fen)s, %(says)s,
        %(created_at)s)"""

# They are used up together, by the one question that comes first.
USE_TROUBLES: Final = """
    UPDATE bill_trouble SET used_at = %s WHERE period = %s AND used_at IS NULL RETURNING *"""

LATEST_TROUBLES: Final = "SELECT * FROM bill_trouble ORDER BY id DESC LIMIT %s"

DROP_TROUBLE: Final = "DELETE FROM bill_trouble WHERE id = %s AND used_at IS NULL RETURNING id"


class BillStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows = connection.cursor(row_factory=dict_row)

    async def rows(self, period: Period, *, app_id: str, fee_rate_bp: int) -> list[BillRow]:
        """Every payment and refund of the period, in the order they happened."""
        asked = {"app_id": app_id, "starts_at": period.starts_at, "ends_at": period.ends_at}
        await self._rows.execute(ROWS, asked)
        return [_row(row, fee_rate_bp) for row in await self._rows.fetchall()]

    async def add_link(self, token: str, *, file_name: str, file: bytes, expires_at: datetime) -> None:
        link = {"token": token, "file_name": file_name, "file": file, "expires_at": expires_at}
        await self._connection.execute(ADD_LINK, link)

    async def forget_links(self, *, now: datetime) -> None:
        await self._connection.execute(FORGET_LINKS, [now])

    async def file(self, token: str, *, now: datetime) -> tuple[str, bytes]:
        """Its name, and what is in it. Raises NotFound once its time is over."""
        answer = await self._connection.execute(FILE, [token, now])
        if found := await answer.fetchone():
            return found[0], bytes(found[1])
        raise NotFound("下载链接不存在或已失效，请重新获取。")

    async def add_trouble(self, trouble: BillTrouble) -> None:
        await self._connection.execute(ADD_TROUBLE, asdict(trouble))

    async def use_troubles(self, period: Period, *, now: datetime) -> list[BillTrouble]:
        await self._rows.execute(USE_TROUBLES, [now, period.name])
        return sorted(map(_trouble, await self._rows.fetchall()), key=lambda trouble: trouble.id)

    async def latest_troubles(self, limit: int) -> Sequence[BillTrouble]:
        await self._rows.execute(LATEST_TROUBLES, [limit])
        return [_trouble(row) for row in await self._rows.fetchall()]

    async def drop_trouble(self, trouble_id: str) -> None:
        """Raises NotFound unless it waits."""
        answer = await self._connection.execute(DROP_TROUBLE, [trouble_id])
        if await answer.fetchone() is None:
            raise NotFound("没有这个尚未生效的账单故障。")


def _row(row: dict[str, Any], fee_rate_bp: int) -> BillRow:
    fee = fee_fen(abs(row["amount_fen"]), rate_bp=fee_rate_bp)
    return BillRow(**row, fee_fen=-fee if row["amount_fen"] > 0 else fee)


def _trouble(row: dict[str, Any]) -> BillTrouble:
    return replace(BillTrouble(**row), kind=TroubleKind(row["kind"]))
