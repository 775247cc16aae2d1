from collections.abc import AsyncIterator

import httpx
import pytest
from canary import know
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cut_off import Wire
from pydantic import SecretStr
from sandbox_builders import (
    AES_KEY,
    APP_ID,
    PUBLIC_URL,
    PUSH_URL,
    SELLER_ID,
    WECHAT_APP_ID,
    WECHAT_SECRET,
    WECHAT_TOKEN,
    Merchant,
    Shop,
    Time,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox_pay_client import (
    API_V3_KEY,
    BARE_KEY,
    CERTIFICATE,
    MCH_ID,
    MERCHANT_KEY,
    PLATFORM_KEY,
    PUBLIC_KEY_ID,
    SERIAL_NO,
    PayClient,
)
from tuan.kernel.rsa import new_private_key, private_pem, public_pem
from tuan.sandbox.app import build
from tuan.sandbox.config import SandboxSettings


@pytest.fixture(scope="session")
def app_key() -> RSAPrivateKey:
    return a_key()


@pytest.fixture(scope="session")
def alipay_key() -> RSAPrivateKey:
    return a_key()


def a_key() -> RSAPrivateKey:
    key = new_private_key()
    know([private_pem(key)])
    return key


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def settings(sandbox_database: str, app_key: RSAPrivateKey, alipay_key: RSAPrivateKey) -> SandboxSettings:
    return SandboxSettings(
        database_url=sandbox_database,
        public_url=PUBLIC_URL,
        alipay_app_id=APP_ID,
        alipay_app_public_key=public_pem(app_key.public_key()),
        alipay_private_key=SecretStr(private_pem(alipay_key)),
        alipay_seller_id=SELLER_ID,
        notify_time_scale=1,
        wechat_app_id=WECHAT_APP_ID,
        wechat_app_secret=SecretStr(WECHAT_SECRET),
        wechat_token=SecretStr(WECHAT_TOKEN),
        wechat_aes_key=SecretStr(AES_KEY),
        wechat_push_url=PUSH_URL,
        wechatpay_app_id=WECHAT_APP_ID,
        wechatpay_mch_id=MCH_ID,
        wechatpay_serial_no=SERIAL_NO,
        wechatpay_merchant_public_key=public_pem(MERCHANT_KEY.public_key()),
        wechatpay_api_v3_key=SecretStr(API_V3_KEY),
        wechatpay_certificate=CERTIFICATE,
        wechatpay_private_key=SecretStr(private_pem(PLATFORM_KEY)),
        wechatpay_public_key_id=PUBLIC_KEY_ID,
        wechatpay_public_key_private_key=SecretStr(private_pem(BARE_KEY)),
    )


@pytest.fixture
async def merchant(
    settings: SandboxSettings, time: Time, shop: Shop, app_key: RSAPrivateKey, alipay_key: RSAPrivateKey
) -> AsyncIterator[Merchant]:
    """Served as in production: under a prefix, by a process that does not run its lifespan."""
    service = build(settings, clock=time, transport=httpx.ASGITransport(app=shop))
    site = Wire(Starlette(routes=[Mount("/sandbox", app=service.app)]))
    async with service.opened(), httpx.AsyncClient(transport=site, base_url=PUBLIC_URL) as http:
        yield Merchant(
            http=http, service=service, time=time, shop=shop, key=app_key, alipay_key=alipay_key.public_key()
        )


@pytest.fixture
def pay(merchant: Merchant) -> PayClient:
    """The same merchant at WeChat Pay."""
    return PayClient(http=merchant.http, time=merchant.time)
