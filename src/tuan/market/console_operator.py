"""Operators and the record of what they changed, over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from tuan.kernel.db import transaction
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.market import appoint, store_operator
from tuan.market.console_guard import Appointer, Here, Looker, deed_of
from tuan.market.console_shapes import CONSOLE, PAGE, AnyReason, Limit, Moment, ReasonBody, cut
from tuan.market.operator import Operator, Permission, Role
from tuan.market.sign_in import create_operator
from tuan.market.store_operator import AUDIT, AuditEntry, AuditFilter

NewPassword = Annotated[str, StringConstraints(min_length=12, max_length=128)]
About = Annotated[str | None, Query(max_length=256, pattern=r"^[!-~]+$")]


class OperatorView(BaseModel):
    id: str
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None

    @classmethod
    def of(cls, operator: Operator) -> Self:
        return cls(
            id=operator.id,
            name=operator.name,
            role=operator.role,
            created_at=operator.created_at,
            disabled_at=operator.disabled_at,
        )


class OperatorList(BaseModel):
    items: list[OperatorView]


class SignedInView(BaseModel):
    id: str
    name: str
    role: Role
    permissions: list[Permission]

    @classmethod
    def of(cls, operator: Operator) -> Self:
        return cls(
            id=operator.id,
            name=operator.name,
            role=operator.role,
            permissions=sorted(operator.permissions),
        )


class AuditView(BaseModel):
    id: int
    at: datetime
    operator_id: str
    operator_name: str
    action: str
    about: str
    before: Any
    after: Any
    reason: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        return cls(
            id=entry.id,
            at=entry.at,
            operator_id=entry.operator_id,
            operator_name=entry.operator_name,
            action=entry.action,
            about=entry.about,
            before=entry.before,
            after=entry.after,
            reason=entry.reason,
        )


class AuditPage(BaseModel):
    items: list[AuditView]
    next_cursor: str | None


class NewOperatorBody(Body):
    name: Id
    password: NewPassword
    role: Role
    reason: AnyReason = ""


class RoleBody(Body):
    role: Role
    reason: AnyReason = ""


class PasswordBody(Body):
    password: NewPassword
    reason: AnyReason = ""


router = APIRouter(prefix=CONSOLE)


@router.get("/operators")
async def list_operators(doors: Here, _: Appointer) -> OperatorList:
    async with transaction(doors.pool) as connection:
        found = await store_operator.operators(connection)
    return OperatorList(items=[OperatorView.of(operator) for operator in found])


@router.post("/operators", status_code=201)
async def appoint_operator(body: NewOperatorBody, doors: Here, admin: Appointer) -> OperatorView:
    deed = deed_of(admin, doors, reason=body.reason)
    operator = await create_operator(
        doors.pool, name=body.name, password=body.password, role=body.role, now=deed.at, by=deed
    )
    return OperatorView.of(operator)


@router.put("/operators/{operator_id}/role")
async def change_role(operator_id: Id, body: RoleBody, doors: Here, admin: Appointer) -> OperatorView:
    """Counts from the operator's next request on."""
    deed = deed_of(admin, doors, reason=body.reason)
    return OperatorView.of(await appoint.change_role(doors.pool, operator_id, body.role, deed=deed))


@router.put("/operators/{operator_id}/password")
async def reset_password(operator_id: Id, body: PasswordBody, doors: Here, admin: Appointer) -> OperatorView:
    """Signs the operator out everywhere."""
    deed = deed_of(admin, doors, reason=body.reason)
    return OperatorView.of(await appoint.reset_password(doors.pool, operator_id, body.password, deed=deed))


@router.put("/operators/{operator_id}/disabled")
async def disable_operator(operator_id: Id, body: ReasonBody, doors: Here, admin: Appointer) -> OperatorView:
    """Signs the operator out everywhere, for good."""
    deed = deed_of(admin, doors, reason=body.reason)
    return OperatorView.of(await appoint.dismiss(doors.pool, operator_id, deed=deed))


@router.get("/audit")
async def read_audit(
    doors: Here,
    _: Looker,
    operator_id: Id | None = None,
    action: Id | None = None,
    about: About = None,
    since: Moment | None = None,
    until: Moment | None = None,
    sort: Sort = "-at",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> AuditPage:
    """Who changed what, by `at`: the newest first if nothing is said."""
    turn = AUDIT.turn(sort, cursor)
    wanted = AuditFilter(operator_id=operator_id, action=action, about=about, since=since, until=until)
    async with transaction(doors.pool) as connection:
        rows = await store_operator.audit(connection, wanted, turn, limit=limit + 1)
    return audit_page(rows, sort, limit=limit)


def audit_page(rows: Sequence[AuditEntry], sort: str, *, limit: int) -> AuditPage:
    page, last = cut(rows, limit)
    return AuditPage(
        items=[AuditView.of(entry) for entry in page],
        next_cursor=AUDIT.cursor(sort, last) if last else None,
    )
