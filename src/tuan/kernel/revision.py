"""Which revision a database is at, and which it should be at. Alembic, slow to load, is not asked."""

from pathlib import Path
from typing import Final

import psycopg

from tuan.kernel.db import Pool, transaction

EXISTS: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
REVISION: Final = "SELECT version_num FROM alembic_version"


def head(migrations: Path) -> str:
    return max(path.stem for path in (migrations / "versions").glob("*.py"))


def is_at_head(url: str, migrations: Path) -> bool:
    with psycopg.connect(url) as connection:
        exists = connection.execute(EXISTS).fetchone() == (True,)
        return exists and connection.execute(REVISION).fetchone() == (head(migrations),)


async def is_migrated(pool: Pool, migrations: Path) -> bool:
    async with transaction(pool) as connection:
        if await (await connection.execute(EXISTS)).fetchone() != (True,):
            return False
        return await (await connection.execute(REVISION)).fetchone() == (head(migrations),)
