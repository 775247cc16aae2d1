"""Guests, confirmed sign-ins, sessions that end when nobody uses them, and allowances."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
