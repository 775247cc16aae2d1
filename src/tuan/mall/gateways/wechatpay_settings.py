"""What makes the mall a merchant of WeChat Pay."""

from typing import Annotated, Self

import httpx
from pydantic import BaseModel, Field, SecretStr, model_validator

from tuan.kernel.rsa import load_private_key, load_public_key
from tuan.mall.gateways.wechatpay import WeChatPay
from tuan.mall.gateways.wechatpay_client import PlatformPublicKey, WeChatPayAccount, WeChatPayClient
from tuan.mall.setting import BasisPoints, Filled, Secret, Url


class WeChatPaySettings(BaseModel):
    api_url: Url = "https://api.mch.weixin.qq.com"
    app_id: Filled
    mch_id: Filled
    serial_no: Filled  # Of the merchant's certificate (商户API证书序列号).
    private_key: Secret  # The merchant's: apiclient_key.pem.
    api_v3_key: Annotated[SecretStr, Field(min_length=32, max_length=32)]
    # 微信支付公钥, for merchants who have one; the others' certificates are fetched.
    public_key_id: Annotated[str, Field(pattern=r"^PUB_KEY_ID_[0-9A-Za-z]+$")] | None = None
    public_key: Filled | None = None
    fee_bp: BasisPoints = 60  # Of each payment, by contract: 0.6 %.

    @model_validator(mode="after")
    def key_and_its_id(self) -> Self:
        if (self.public_key is None) != (self.public_key_id is None):
            raise ValueError("public_key and public_key_id come together")
        return self

    def gateway(self, http: httpx.AsyncClient, *, public_url: str) -> WeChatPay:
        """Raises ValueError for a key that is none."""
        account = WeChatPayAccount(
            api_url=self.api_url.rstrip("/"),
            app_id=self.app_id,
            mch_id=self.mch_id,
            serial_no=self.serial_no,
            private_key=load_private_key(self.private_key.get_secret_value()),
            api_v3_key=self.api_v3_key.get_secret_value().encode(),
            public_key=self._public_key(),
            notify_url=f"{public_url}/hooks/wechatpay",
            fee_bp=self.fee_bp,
        )
        return WeChatPay(WeChatPayClient(http, account))

    def _public_key(self) -> PlatformPublicKey | None:
        if self.public_key is None or self.public_key_id is None:
            return None
        return PlatformPublicKey(id=self.public_key_id, key=load_public_key(self.public_key))
