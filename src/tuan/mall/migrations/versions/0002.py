"""The books: a ledger, the moves of every order, alarms; and what the sweep needs to find its place."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
