"""Who is at the mall's console, and what they may: the market says who, our own rules say what."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from tuan.mall.doors import Doors
from tuan.mall.operator import Deed, Operator, Permission
from tuan.mall.visitor import Here


async def signed_in(request: Request, doors: Here) -> Operator:
    """Raises NotSignedIn, SignInUnknown."""
    return await doors.operators.who_is(request.cookies, now=doors.clock())


@dataclass(frozen=True)
class May:
    """What a route demands of whoever calls it."""

    permission: Permission

    async def __call__(self, operator: Annotated[Operator, Depends(signed_in)]) -> Operator:
        """Raises NotSignedIn, SignInUnknown or NotPermitted."""
        operator.require(self.permission)
        return operator


Looker = Annotated[Operator, Depends(May(Permission.LOOK))]
Seller = Annotated[Operator, Depends(May(Permission.SELL))]
Server = Annotated[Operator, Depends(May(Permission.SERVE))]
Payer = Annotated[Operator, Depends(May(Permission.PAY_BACK))]
Accountant = Annotated[Operator, Depends(May(Permission.ACCOUNT))]


def deed_of(operator: Operator, doors: Doors, *, reason: str = "") -> Deed:
    return Deed(operator_id=operator.id, operator_name=operator.name, at=doors.clock(), reason=reason)
