"""The console: what operators do, refunds that need two of them, and what happened on the way."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
