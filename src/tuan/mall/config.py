"""What the mall reads from its environment. A secret left empty stops it from starting."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Secret = Annotated[SecretStr, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")]
Filled = Annotated[str, Field(min_length=1)]


class MallSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TUAN_MALL_")

    database_url: Filled
    public_url: Url  # Where browsers and gateways find this API.
    shop_url: Url

    market_url: Url
    market_api_key: Secret
    market_webhook_secret: Secret
    channel: Filled = "c01"

    alipay_gateway_url: Url
    alipay_app_id: Filled
    alipay_seller_id: Filled
    alipay_private_key: Secret
    alipay_public_key: Filled

    wechat_api_url: Url = "https://api.weixin.qq.com"
    wechat_app_id: Filled
    wechat_app_secret: Secret
    wechat_token: Secret
    wechat_aes_key: Annotated[SecretStr, Field(min_length=43, max_length=43)]

    payment_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 15
    demo: bool = False
