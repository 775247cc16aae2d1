"""Which gateways there are, and which of them buyers are offered: those that are set up, in this order."""

from typing import Protocol, Self

import httpx
from pydantic import BaseModel, model_validator

from tuan.kernel.errors import Refusal, Unreachable
from tuan.mall.gateways.alipay_settings import AlipaySettings
from tuan.mall.gateways.gateway import Gateway
from tuan.mall.gateways.wechatpay_settings import WeChatPaySettings


class GatewayNotOffered(Refusal):
    """This shop does not take payments in that way."""

    code = "gateway_not_offered"
    status = 422


class GatewayMissing(Unreachable):
    """A gateway whose payments may still be closed or given back is no longer set up."""


class SetUp(Protocol):
    def gateway(self, http: httpx.AsyncClient, *, public_url: str) -> Gateway: ...


class GatewaySettings(BaseModel):
    """One more gateway is one more line here."""

    alipay: AlipaySettings | None = None
    wechatpay: WeChatPaySettings | None = None

    @model_validator(mode="after")
    def one_at_least(self) -> Self:
        if not self.gateways_set_up:
            raise ValueError(
                "a mall needs a gateway: set up one of " + ", ".join(GatewaySettings.model_fields)
            )
        return self

    @property
    def gateways_set_up(self) -> list[SetUp]:
        return [one for name in GatewaySettings.model_fields if (one := getattr(self, name)) is not None]


class Gateways(dict[str, Gateway]):
    """By the name that each payment keeps; the first is what a buyer gets who does not choose."""

    def __missing__(self, name: str) -> Gateway:
        raise GatewayMissing

    def chosen(self, name: str | None) -> Gateway:
        """Raises GatewayNotOffered."""
        chosen = next(iter(self)) if name is None else name
        if chosen not in self:
            raise GatewayNotOffered
        return self[chosen]


def build_gateways(settings: GatewaySettings, http: httpx.AsyncClient, *, public_url: str) -> Gateways:
    """Raises ValueError for a key that is none."""
    built = [one.gateway(http, public_url=public_url) for one in settings.gateways_set_up]
    return Gateways({gateway.name: gateway for gateway in built})
