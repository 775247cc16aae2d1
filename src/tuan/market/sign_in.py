"""An operator signs in with a password, works while the session lasts, and signs out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from tuan.kernel.db import Pool, transaction
from tuan.kernel.ids import fingerprint, new_id, new_secret
from tuan.market import store_operator as store
from tuan.market.operator import Deed, NameTaken, Operator, Role, WrongPassword, require_room_for_tries

HASHER = PasswordHasher()
# One hash takes 64 MiB and a tenth of a second: two at a time, and never on the event loop.
HASHING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
# Of a password nobody knows: a name that is nobody's takes as long to refuse as any other.
NOBODYS_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$DPiaeJDlFr+1OWAEqCr7Vg$QRTHcgbanjQDm1EdjDWVzRvG/bvCPY/RptvMkiOTLvs"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedIn:
    operator: Operator
    secret: str  # For the browser's cookie, and nowhere else.


async def sign_in(pool: Pool, *, name: str, password: str, now: datetime) -> SignedIn:
    """Raises TooManyTries, or WrongPassword: whether the name or the password is wrong, nobody can tell."""
    async with transaction(pool) as connection:
        require_room_for_tries(await store.hold_tries(connection, name, now=now))
        await store.add_try(connection, name, now=now)
        known = await store.credentials_of(connection, name)

    is_right = await _is_right(password, known.password_hash if known else NOBODYS_HASH)
    if known is None or not is_right:
        raise WrongPassword

    secret = new_secret()
    async with transaction(pool) as connection:
        operator = await store.add_session(connection, known, fingerprint=fingerprint(secret), now=now)
        if operator is None:
            raise WrongPassword

        await store.forget_tries(connection, name)
        deed = Deed(operator_id=known.id, at=now)
        await store.record(connection, deed, "operator.signed_in", about=f"operator:{known.id}")
    return SignedIn(operator=operator, secret=secret)


async def who_is(pool: Pool, secret: str | None, *, now: datetime) -> Operator | None:
    if not secret:
        return None
    async with transaction(pool) as connection:
        return await store.signed_in(connection, fingerprint=fingerprint(secret), now=now)


async def sign_out(pool: Pool, secret: str) -> None:
    async with transaction(pool) as connection:
        await store.end_session(connection, fingerprint=fingerprint(secret))


async def create_operator(
    pool: Pool, *, name: str, password: str, role: Role, now: datetime, by: Deed | None = None
) -> Operator:
    """The first one has nobody to appoint them, and is on record as their own doing. Raises NameTaken."""
    async with transaction(pool) as connection:
        if await store.has_operator(connection, name):
            raise NameTaken

    operator = Operator(id=new_id(), name=name, role=role, created_at=now)
    password_hash = await hashed(password)
    async with transaction(pool) as connection:
        added = await store.add_operator(
            connection, id=operator.id, name=name, password_hash=password_hash, role=role, now=now
        )
        if not added:
            raise NameTaken
        await store.record(
            connection,
            by or Deed(operator_id=operator.id, at=now),
            "operator.created",
            about=f"operator:{operator.id}",
            after=operator,
        )
    return operator


async def hashed(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(HASHING, HASHER.hash, password)


async def _is_right(password: str, password_hash: str) -> bool:
    try:
        return await asyncio.get_running_loop().run_in_executor(
            HASHING, HASHER.verify, password_hash, password
        )
    except VerifyMismatchError:
        return False
