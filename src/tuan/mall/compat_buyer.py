"""Who asks on the original's paths. What they call `userId` is a session's secret, and no name.

The original took a buyer's word for who they are: whoever knew an openid could list its orders, and take them
back. Here `userId` is what check_login answered, which nobody can guess; or the id of the buyer whom this
browser's own cookie says it is.
"""

from starlette.requests import Request

from tuan.kernel.own_pages import require_our_own_pages
from tuan.mall.buyer import Buyer, NotSignedIn
from tuan.mall.doors import Doors
from tuan.mall.login import who_is
from tuan.mall.visitor import Cookies


async def buyer_of(request: Request, doors: Doors, user_id: str) -> Buyer:
    """Raises NotSignedIn; and Forbidden when another site's page made a browser send its cookie."""
    now = doors.clock()
    if buyer := await who_is(doors.pool, user_id, now=now):
        return buyer

    secret = Cookies(doors.public_url).session(request)
    buyer = await who_is(doors.pool, secret, now=now)
    if buyer is None or buyer.id != user_id:
        raise NotSignedIn
    require_our_own_pages(request, public_url=doors.public_url)
    return buyer
