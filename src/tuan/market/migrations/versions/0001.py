"""The first tables, and the queue's."""

from pathlib import Path

from procrastinate.schema import SchemaManager

from tuan.kernel.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(SchemaManager.get_schema())
    run_sql(Path(__file__).with_suffix(".sql").read_text())
