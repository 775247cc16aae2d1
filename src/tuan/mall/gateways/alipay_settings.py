"""What makes the mall a merchant of Alipay."""

import httpx
from pydantic import BaseModel

from tuan.kernel.rsa import load_private_key, load_public_key
from tuan.mall.gateways.alipay import Alipay, AlipayAccount
from tuan.mall.setting import BasisPoints, Filled, Secret, Url


class AlipaySettings(BaseModel):
    gateway_url: Url
    app_id: Filled
    seller_id: Filled
    private_key: Secret
    public_key: Filled
    fee_bp: BasisPoints = 60  # Of each payment, by contract: 0.6 %.

    def gateway(self, http: httpx.AsyncClient, *, public_url: str) -> Alipay:
        """Raises ValueError for a key that is none."""
        account = AlipayAccount(
            gateway_url=self.gateway_url,
            app_id=self.app_id,
            seller_id=self.seller_id,
            private_key=load_private_key(self.private_key.get_secret_value()),
            public_key=load_public_key(self.public_key),
            notify_url=f"{public_url}/hooks/alipay",
            return_url=f"{public_url}/return/alipay",
            fee_bp=self.fee_bp,
        )
        return Alipay(http, account)
