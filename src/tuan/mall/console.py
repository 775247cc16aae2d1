"""The mall's console over HTTP: whom the market knows as an operator finds every room behind this door."""

from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from tuan.mall import (
    console_alarm,
    console_audit,
    console_day,
    console_deed,
    console_job,
    console_ledger,
    console_order,
    console_payment,
    console_product,
    console_reconcile,
    console_refund,
)
from tuan.mall.console_guard import Looker
from tuan.mall.operator import Operator, Permission, Role
from tuan.mall.visitor import from_our_own_pages

ROOMS = (
    console_product,
    console_order,
    console_payment,
    console_refund,
    console_ledger,
    console_reconcile,
    console_job,
    console_alarm,
    console_day,
    console_audit,
    console_deed,
)


class OperatorView(BaseModel):
    id: str
    name: str
    role: Role
    permissions: list[Permission]

    @classmethod
    def of(cls, operator: Operator) -> Self:
        return cls(
            id=operator.id, name=operator.name, role=operator.role, permissions=sorted(operator.permissions)
        )


door = APIRouter()


@door.get("/me")
async def read_operator(operator: Looker) -> OperatorView:
    """Who is signed in at the market, and what they may do here."""
    return OperatorView.of(operator)


router = APIRouter(prefix="/v1/console", tags=["console"], dependencies=[Depends(from_our_own_pages)])
router.include_router(door)
for room in ROOMS:
    router.include_router(room.router)
