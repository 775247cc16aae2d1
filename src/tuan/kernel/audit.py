"""Rules about rows that must not exist, asked of one snapshot. Finding nothing is the only pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg

SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    says: str
    broken_by: LiteralString  # Answers with one column: which row breaks it.
    needs_time: bool = False  # Holds once the sweeps have run: asked with %(overdue)s.


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    rule: Rule
    count: int
    samples: Sequence[str]


def audit(url: str, rules: Sequence[Rule], *, overdue: datetime) -> list[Finding]:
    """What breaks a rule, in one REPEATABLE READ snapshot. What was due before `overdue` must be done."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return broken_in(connection, rules, overdue=overdue)


def broken_in(connection: psycopg.Connection, rules: Sequence[Rule], *, overdue: datetime) -> list[Finding]:
    """As audit, within the caller's transaction."""
    findings = []
    for rule in rules:
        asked = {"overdue": overdue} if rule.needs_time else None
        broken = [str(row[0]) for row in connection.execute(rule.broken_by, asked)]
        if broken:
            findings.append(Finding(rule=rule, count=len(broken), samples=broken[:SHOWN_MAX]))
    return findings
