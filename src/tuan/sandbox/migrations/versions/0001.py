"""The first tables."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
