"""An operator has the books and orders audited now: one audit at a time, for each reads every table whole."""

from collections.abc import Sequence

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import Refusal
from tuan.mall.audit import Finding, findings, snapshot
from tuan.mall.operator import Deed
from tuan.mall.store_audit import is_alone
from tuan.mall.store_deed import record


class AuditUnderWay(Refusal):
    """Another audit is under way; ask again when it has ended."""

    code = "audit_under_way"
    retry_after_seconds = 10


async def audit_now(pool: Pool, *, deed: Deed) -> Sequence[Finding]:
    """Nothing, when all is well. Raises AuditUnderWay."""
    async with snapshot(pool) as connection:
        if not await is_alone(connection):
            raise AuditUnderWay
        found = await findings(connection, deed.at)
    async with transaction(pool) as connection:
        broken = {one.name: one.count for one in found}
        await record(connection, deed, "books.audited", about="mall:books", after={"broken": broken})
    return found
