"""Everything the mall's edges need in hand: where it stands, what it keeps, and who it talks to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool
from tuan.kernel.jobs import Jobs
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.market_client import MarketClient
from tuan.mall.wechat import WeChat
from tuan.mall.wechat_push import PushReader


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    public_url: str  # Of this API, without a slash at its end; so is the next.
    shop_url: str
    pay_within: timedelta
    demo: bool
    market_webhook_secret: str = field(repr=False)
    clock: Clock
    pool: Pool
    jobs: Jobs
    market: MarketClient
    wechat: WeChat
    pushes: PushReader
    gateway: Gateway  # Of new payments.
    gateways: Mapping[str, Gateway]  # By the name that each payment keeps.
