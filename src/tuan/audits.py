"""Every rule about rows that must not exist, asked of every service, and told with counts."""

from datetime import timedelta

from rich.console import Console
from rich.table import Table

from tuan.kernel.audit import audit
from tuan.kernel.clock import utc_now
from tuan.market import store_audit as market_audit

RULES = {"market": market_audit.RULES}
ALLOWED = timedelta(minutes=6)  # The market's grace, and a minute for the sweeps.


def report(urls: dict[str, str], console: Console) -> int:
    """Returns how many rules are broken, and says which, by how many rows, and the first few of them."""
    broken = 0
    for service, rules in RULES.items():
        if service not in urls:
            continue
        findings = audit(urls[service], rules, overdue=utc_now() - ALLOWED)
        broken += len(findings)
        console.print(f"{service}: {len(rules)} rules asked, {len(findings)} broken")
        if findings:
            table = Table("rule", "rows", "what must hold", "for example")
            for finding in findings:
                table.add_row(
                    finding.rule.name, str(finding.count), finding.rule.says, ", ".join(finding.samples)
                )
            console.print(table)
    return broken
