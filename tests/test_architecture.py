"""The floors of the house, read from its imports; and the ceiling of a file."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tuan"
MODULES = sorted(SOURCE.rglob("*.py"))
LINES_MAX = 300
SERVICES = ("market", "mall", "sandbox")

RULES = {
    "market": {"campaign", "discount", "team", "books", "switch", "operator", "delivery"},
    "mall": {
        "product",
        "buyer",
        "allowance",
        "device",
        "order",
        "payment",
        "ledger",
        "timeline",
        "bill",
        "reconciliation",
        "operator",
        "refund_request",
    },
}
EDGES = {"api", "hooks", "worker", "app", "config", "views"}
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s+[a-z_*(]", re.ASCII)
SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|misc|base|manager|handler|impl)$")


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_services_meet_only_over_http_and_the_kernel_knows_none(path: Path) -> None:
    _, *folder = name_of(path).split(".")
    ours = folder[0] if folder else ""
    if ours not in (*SERVICES, "kernel"):
        return

    strangers = {other for other in (*SERVICES, "up", "cli", "story") if other != ours}
    for imported in imports_of(path):
        parts = imported.split(".")
        assert not (parts[0] == "tuan" and len(parts) > 1 and parts[1] in strangers), imported


@pytest.mark.parametrize("service", RULES)
def test_rules_import_rules_and_do_no_io(service: str) -> None:
    for noun in RULES[service]:
        for imported in imports_of(SOURCE / service / f"{noun}.py"):
            if imported.startswith(f"tuan.{service}."):
                assert imported.split(".")[2] in RULES[service], f"{noun} imports {imported}"
            assert not imported.startswith(("tuan.kernel.db", "psycopg", "httpx", "asyncio")), (
                f"{noun}: {imported}"
            )


@pytest.mark.parametrize("service", RULES)
def test_nothing_below_imports_an_edge(service: str) -> None:
    for path in (SOURCE / service).rglob("*.py"):
        if path.stem in EDGES or path.stem.startswith(("api", "console", "compat")):
            continue
        for imported in imports_of(path):
            parts = imported.split(".")
            assert not (parts[:2] == ["tuan", service] and len(parts) > 2 and parts[2] in EDGES), (
                f"{path.name} imports {imported}"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sql_lives_in_stores_and_migrations(path: Path) -> None:
    inside = path.relative_to(SOURCE).parts
    if inside[0] == "kernel" or "migrations" in inside or "store" in path.stem or path.stem == "up":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not SQL.search(node.value), node.value[:60]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listed.stdout.splitlines()]


def test_every_file_holds_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked("*.py", "*.ts", "*.vue", "*.sql", "*.html", "*.css")
        if "web/src/api" not in str(path)
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def test_every_name_says_something() -> None:
    assert [path.name for path in tracked("*.py", "*.ts", "*.vue") if SAYS_NOTHING.search(path.stem)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_first_line_says_what_the_module_is(path: Path) -> None:
    if path.name == "__init__.py" or path.name == "env.py":
        return
    assert ast.get_docstring(ast.parse(path.read_text()))
