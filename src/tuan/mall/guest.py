"""A guest buys without WeChat (无痕登录): known by this browser's cookie alone, until they sign in."""

from datetime import datetime

from tuan.kernel.db import Pool, transaction
from tuan.kernel.ids import fingerprint, new_id, new_secret
from tuan.mall import store_allowance, store_login
from tuan.mall.allowance import Allowance
from tuan.mall.buyer import GUEST_LASTS, nickname_of
from tuan.mall.login import SignedIn, Visit


async def enter_as_guest(pool: Pool, visit: Visit, *, allowance: Allowance, now: datetime) -> SignedIn:
    """Raises TooOften."""
    id, session = new_id(), new_secret()
    async with transaction(pool) as connection:
        await store_allowance.take(connection, allowance, who=visit.address, now=now)
        guest = await store_login.add_guest(connection, id=id, nickname=nickname_of(id), now=now)
        await store_login.add_session(
            connection,
            fingerprint=fingerprint(session),
            buyer_id=guest.id,
            device=visit.device,
            idle_for=GUEST_LASTS,
            now=now,
            expires_at=now + GUEST_LASTS,
        )
    return SignedIn(buyer=guest, secret=session, lasts=GUEST_LASTS)
