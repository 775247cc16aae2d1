"""What a follower reads: the account's answer to a scan, and its template messages."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
