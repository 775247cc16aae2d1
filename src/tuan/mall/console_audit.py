"""Audits over HTTP: every invariant of the mall asked of its tables now."""

from typing import Self

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from tuan.kernel.shapes import AnyReasonBody
from tuan.mall.audit import Finding
from tuan.mall.audit_now import audit_now
from tuan.mall.console_guard import Accountant, deed_of
from tuan.mall.visitor import Here


class FindingView(BaseModel):
    """An invariant that is broken, how often, and some of the rows that break it."""

    name: str
    count: int
    sample: list[str]

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls(name=finding.name, count=finding.count, sample=list(finding.sample))


class AuditView(BaseModel):
    """Sound when nothing was found."""

    at: AwareDatetime
    findings: list[FindingView]


router = APIRouter()


@router.post("/audits")
async def audit_books(body: AnyReasonBody, doors: Here, operator: Accountant) -> AuditView:
    """Holds orders and books, at one moment, against what must be true of them. May take minutes."""
    deed = deed_of(operator, doors, reason=body.reason)
    found = await audit_now(doors.console_pool, deed=deed)
    return AuditView(at=deed.at, findings=[FindingView.of(finding) for finding in found])
