"""What the mall reads from its environment. A secret left empty stops it from starting."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tuan.kernel.money import FEN_MAX
from tuan.mall.gateways.offered import GatewaySettings
from tuan.mall.setting import Filled, Secret, Url


class MallSettings(GatewaySettings, BaseSettings):
    """Each is read from the environment as TUAN_MALL_…, those of a gateway as TUAN_MALL_ALIPAY_… and so."""

    model_config = SettingsConfigDict(
        env_prefix="TUAN_MALL_", env_nested_delimiter="_", env_nested_max_split=1
    )

    database_url: Filled
    pooler_url: str = Field(
        default="",
        description="A PgBouncer before the same database, in transaction mode: requests go through it.",
    )
    public_url: Url  # Where browsers and gateways find this API.
    shop_url: Url

    market_url: Url
    market_api_key: Secret
    market_webhook_secret: Secret  # One of each endpoint the market tells us at, separated by spaces.
    channel: Filled = "c01"
    rabbit_url: SecretStr = Field(
        default=SecretStr(""),
        description="Where the market publishes its events, as amqp://user:password@host/, if it does.",
    )

    wechat_api_url: Url = "https://api.weixin.qq.com"
    wechat_app_id: Filled
    wechat_app_secret: Secret
    wechat_token: Secret
    wechat_aes_key: Annotated[SecretStr, Field(min_length=43, max_length=43)]

    wechat_signed_in_template: str = Field(
        default="", description="Template with thing1 and time2, sent to who signed in. Empty: none is sent."
    )
    wechat_formed_template: str = Field(
        default="",
        description="Template with thing1, time2, character_string3 and amount4, once a team has formed.",
    )

    guests: bool = Field(default=False, description="Whether one may buy without WeChat (无痕登录).")
    original_scan_confirms: bool = Field(
        default=False,
        description="Whether the scan alone signs in a page on the original's paths, as it does there."
        " Whoever gets somebody to scan a code of such a page is them.",
    )
    sign_ins_per_minute: int = Field(
        default=10, ge=1, description="By one address: a household, or all who share a carrier's address."
    )

    payment_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    refund_limit_fen: Annotated[int, Field(ge=0, le=FEN_MAX)] = 500_00  # Above it, two operators refund.
    demo: bool = False
    demo_clock: Path | None = None  # Says how far the clock was moved ahead.
