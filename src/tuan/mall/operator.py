"""An operator works at the mall's console as far as their role goes, and every change is on record."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tuan.kernel.errors import Refusal


class Role(StrEnum):
    """The market's words: it appoints the operators."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    LOOK = "look"
    SELL = "sell"  # Products.
    SERVE = "serve"  # Orders, notifies, jobs and alarms.
    PAY_BACK = "pay_back"  # Refunds, and the second word on large ones.
    ACCOUNT = "account"  # Whether the books are true.


class NotPermitted(Refusal):
    """This needs a role with more permissions."""

    code = "not_permitted"
    status = 403


LOOKING: Final = frozenset({Permission.LOOK})
WORKING: Final = LOOKING | {Permission.SELL, Permission.SERVE, Permission.PAY_BACK}
PERMISSIONS: Final = {Role.VIEWER: LOOKING, Role.OPERATOR: WORKING, Role.ADMIN: frozenset(Permission)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    id: str
    name: str
    role: Role

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises NotPermitted."""
        if permission not in self.permissions:
            raise NotPermitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Who changes something, when, and why: what goes on record with every change."""

    operator_id: str
    operator_name: str  # As it was then: the market may forget an operator, the record does not.
    at: datetime
    reason: str = ""
