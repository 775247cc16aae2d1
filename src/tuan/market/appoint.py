"""Operators are given another role or another password, and dismissed; one admin is always left."""

from dataclasses import replace

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import NotFound
from tuan.market import store_operator as store
from tuan.market.operator import Deed, LastAdmin, Operator, Role
from tuan.market.sign_in import hashed


async def change_role(pool: Pool, operator_id: str, role: Role, *, deed: Deed) -> Operator:
    """Raises NotFound or LastAdmin."""
    async with transaction(pool) as connection:
        everybody = await store.hold_operators(connection)
        before = _one_of(everybody, operator_id)
        after = replace(before, role=role)
        _require_an_admin(everybody | {operator_id: after})

        await store.save_operator(connection, after)
        await store.record(
            connection,
            deed,
            "operator.role_changed",
            about=f"operator:{operator_id}",
            before=before,
            after=after,
        )
    return after


async def dismiss(pool: Pool, operator_id: str, *, deed: Deed) -> Operator:
    """Ends their sessions at once. Raises NotFound or LastAdmin."""
    async with transaction(pool) as connection:
        everybody = await store.hold_operators(connection)
        before = _one_of(everybody, operator_id)
        if before.disabled_at is not None:
            return before
        after = replace(before, disabled_at=deed.at)
        _require_an_admin(everybody | {operator_id: after})

        await store.save_operator(connection, after)
        await store.end_sessions(connection, operator_id=operator_id)
        await store.record(
            connection, deed, "operator.disabled", about=f"operator:{operator_id}", before=before, after=after
        )
    return after


async def reset_password(pool: Pool, operator_id: str, password: str, *, deed: Deed) -> Operator:
    """Ends their sessions at once. Raises NotFound."""
    password_hash = await hashed(password)
    async with transaction(pool) as connection:
        operator = _one_of(await store.hold_operators(connection), operator_id)
        await store.set_password(connection, operator_id=operator_id, password_hash=password_hash)
        await store.end_sessions(connection, operator_id=operator_id)
        await store.record(connection, deed, "operator.password_reset", about=f"operator:{operator_id}")
    return operator


def _one_of(everybody: dict[str, Operator], operator_id: str) -> Operator:
    if operator := everybody.get(operator_id):
        return operator
    raise NotFound("There is no such operator.")


def _require_an_admin(everybody: dict[str, Operator]) -> None:
    if not any(operator.is_active_admin for operator in everybody.values()):
        raise LastAdmin
