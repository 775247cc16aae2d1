"""What the sandbox must know: whom it plays, which merchant it serves, and where to reach it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tuan.sandbox.sealing import key_bytes


def _of_32_bytes(aes_key: SecretStr) -> SecretStr:
    key_bytes(aes_key.get_secret_value())
    return aes_key


class SandboxSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TUAN_SANDBOX_")

    database_url: str
    public_url: str = "http://127.0.0.1:8080/sandbox"  # Where a browser finds us; without a slash at its end.
    demo_clock: Path | None = None  # With it, our page has buttons that move everybody's clock ahead.

    alipay_app_id: str
    alipay_app_public_key: str  # The merchant's: what it signs with its own half, we verify.
    alipay_private_key: SecretStr  # Alipay's own, for answers, notifies and return pages.
    alipay_seller_id: str = Field(pattern=r"^2088\d{12}$")
    notify_time_scale: float = Field(default=1 / 60, gt=0)  # 1 is the real ladder, over a day long.
    alipay_fee_bp: int = Field(default=60, ge=0, le=10_000)  # Of each payment, for its service: 0.6 %.

    wechat_app_id: str
    wechat_app_secret: SecretStr
    wechat_token: SecretStr
    wechat_aes_key: Annotated[
        SecretStr, AfterValidator(_of_32_bytes)
    ]  # 43 characters, as the console of WeChat gives it.
    wechat_push_url: str

    wechatpay_app_id: str
    wechatpay_mch_id: str
    wechatpay_serial_no: str  # Of the merchant's certificate.
    wechatpay_merchant_public_key: str  # What is in that certificate.
    wechatpay_api_v3_key: SecretStr = Field(min_length=32, max_length=32)
    wechatpay_certificate: str  # WeChat Pay's own (平台证书), handed out sealed; and its key.
    wechatpay_private_key: SecretStr
    wechatpay_public_key_id: str = Field(pattern=r"^PUB_KEY_ID_[0-9A-Za-z]+$")
    wechatpay_public_key_private_key: SecretStr  # The other half of the 微信支付公钥.
    wechatpay_notifies_by: Literal["certificate", "public_key"] = "certificate"
