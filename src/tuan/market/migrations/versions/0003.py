"""What goods cost the shop, and how often they were quoted."""

from pathlib import Path

from tuan.kernel.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql(Path(__file__).with_suffix(".sql").read_text())
