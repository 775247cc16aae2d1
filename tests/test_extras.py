"""What is optional is not needed: without its package everything else starts, and nothing looks for it."""

import subprocess
import sys
from pathlib import Path

WITHOUT = """
import sys
for package in ("aio_pika", "aiormq", "opentelemetry.sdk", "opentelemetry.exporter"):
    sys.modules[package] = None  # To import it now is to find nothing.
from tuan.cli import app
app(["openapi", sys.argv[1]])
"""


def test_all_is_built_without_what_is_optional(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path)], capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mall.json", "market.json"]
