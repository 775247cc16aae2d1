"""What the sandbox must know: whom it plays, which merchant it serves, and where to reach it."""

from typing import Annotated

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

    alipay_app_id: str
    alipay_app_public_key: str  # The merchant's: what it signs with its own half, we verify.
    alipay_private_key: SecretStr  # Alipay's own, for answers, notifies and return pages.
    alipay_seller_id: str = Field(pattern=r"^2088\d{12}$")
    notify_time_scale: float = Field(default=1 / 60, gt=0)  # 1 is the real ladder, over a day long.

    wechat_app_id: str
    wechat_app_secret: SecretStr
    wechat_token: SecretStr
    wechat_aes_key: Annotated[
        SecretStr, AfterValidator(_of_32_bytes)
    ]  # 43 characters, as the console of WeChat gives it.
    wechat_push_url: str
