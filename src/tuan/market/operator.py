"""An operator runs the market from the console, as far as their role goes, and every change is on record."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tuan.kernel.errors import Refusal, Unauthorized

SESSION_IDLE_MAX: Final = timedelta(hours=2)
SESSION_LASTS: Final = timedelta(hours=12)
TRIES_MAX: Final = 10
TRIES_WINDOW: Final = timedelta(minutes=15)


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Permission(StrEnum):
    LOOK = "look"
    SELL = "sell"  # Campaigns, discounts, listings and segments.
    SWITCH = "switch"
    RESEND = "resend"  # Webhooks: again, or for a test.
    CONNECT = "connect"  # Sources, their keys and their endpoints.
    APPOINT = "appoint"  # Operators.


class NotSignedIn(Unauthorized):
    """Sign in first."""

    code = "not_signed_in"


class WrongPassword(Unauthorized):
    """There is no operator with this name and this password."""

    code = "wrong_name_or_password"


class TooManyTries(Refusal):
    """Too many tries to sign in by this name; wait a quarter of an hour."""

    code = "too_many_tries"
    status = 429
    retry_after_seconds = int(TRIES_WINDOW.total_seconds())


class NotPermitted(Refusal):
    """This needs a role with more permissions."""

    code = "not_permitted"
    status = 403


class NameTaken(Refusal):
    """Another operator has this name."""

    code = "name_taken"


class LastAdmin(Refusal):
    """Somebody must be left who can appoint operators."""

    code = "last_admin"


LOOKING: Final = frozenset({Permission.LOOK})
WORKING: Final = LOOKING | {Permission.SELL, Permission.SWITCH, Permission.RESEND}
PERMISSIONS: Final = {Role.VIEWER: LOOKING, Role.OPERATOR: WORKING, Role.ADMIN: frozenset(Permission)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operator:
    id: str
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMISSIONS[self.role]

    @property
    def is_active_admin(self) -> bool:
        return self.role is Role.ADMIN and self.disabled_at is None

    def require(self, permission: Permission) -> None:
        if permission not in self.permissions:
            raise NotPermitted


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Who changes something, when, and why: what goes on record with every change."""

    operator_id: str
    at: datetime
    reason: str = ""


def require_room_for_tries(tries: int) -> None:
    """Raises TooManyTries. The right password does not help then, or guessing would go on."""
    if tries >= TRIES_MAX:
        raise TooManyTries
