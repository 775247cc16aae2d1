"""Everything the mall's edges need in hand: where it stands, what it keeps, and who it talks to."""

from dataclasses import dataclass, field
from datetime import timedelta

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.kernel.pace import Pace
from tuan.mall.allowance import Allowance
from tuan.mall.gateways.offered import Gateways
from tuan.mall.market_client import MarketClient
from tuan.mall.market_operators import Operators
from tuan.mall.message import Messages
from tuan.mall.sign_in_link import SignInLinks
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import PushReader
from tuan.mall.wechat_reply import ReplyWriter


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    public_url: str  # Of this API, without a slash at its end; so is the next.
    shop_url: str
    pay_within: timedelta
    demo: bool
    guests: bool
    original_scan_confirms: bool  # A page on the original's paths is signed in by the scan alone.
    sign_ins: Allowance  # Of one address.
    pace: Pace = field(default_factory=Pace)  # Of those who only look.
    refund_limit_fen: int  # Above it, an operator's refund needs a second operator.
    market_webhook_secret: str = field(repr=False)
    clock: Clock
    pool: Pool  # For buyers and their orders: few rows, found by their keys.
    console_pool: Pool
    jobs: Jobs
    market: MarketClient
    operators: Operators
    wechat: WeChat
    messages: Messages
    pushes: PushReader
    replies: ReplyWriter
    links: SignInLinks
    gateways: Gateways
