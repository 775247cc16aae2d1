"""Trouble made on purpose."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
