"""WeChat Pay's signatures, made and checked by the examples of its documents; its keys, as they change."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from mall_builders import A_PAYMENT, NOW, Wall
from mall_stand_ins import ByHost
from pydantic import SecretStr

from mall_wechatpay_stand_in import (
    BARE_KEY,
    MERCHANT_KEY,
    PUBLIC_KEY_ID,
    WECHATPAY,
    Certificate,
    Letter,
    WeChatPayStandIn,
    a_certificate,
    signed,
)
from tuan.kernel.rsa import new_private_key, public_pem, verifies
from tuan.mall.gateways.gateway import GatewayRefusal, TradeStatus, UntrustedAnswer
from tuan.mall.gateways.wechatpay import WeChatPay
from tuan.mall.gateways.wechatpay_signing import Signature, authorization, lines

NUMBER = A_PAYMENT.number
QUERY = ("GET", f"/pay/transactions/out-trade-no/{NUMBER}")
CERTIFICATES = ("GET", "/certificates")


def test_a_request_is_signed_over_the_lines_of_the_document() -> None:
    nonce, at = "593BEC0C930BF1AFEB40B4A08C8FB242", datetime.fromtimestamp(1554208460, UTC)
    said = authorization(
        mch_id="1900009191",
        serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
        key=MERCHANT_KEY,
        method="GET",
        path="/v3/certificates",
        body="",
        nonce=nonce,
        now=at,
    )

    found = re.fullmatch(
        'WECHATPAY2-SHA256-RSA2048 mchid="1900009191",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",'
        'signature="([A-Za-z0-9+/=]{344})",timestamp="1554208460",'
        'serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"',
        said,
    )
    text = "GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"
    assert found
    assert verifies(MERCHANT_KEY.public_key(), text, found[1])


def test_an_answer_is_verified_over_the_lines_of_the_document() -> None:
    body = '{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}'
    assert lines("1722850421", "d824f2e086d3c1df967785d13fcd22ef", body) == (
        '1722850421\nd824f2e086d3c1df967785d13fcd22ef\n{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}\n'
    )
    assert lines("1722850421", "d824f2e086d3c1df967785d13fcd22ef", "").endswith("ef\n\n")


@pytest.mark.parametrize(
    ("timestamp", "fresh"),
    [("0", True), ("300", True), ("-300", True), ("301", False), ("-301", False)],
)
def test_a_signature_is_fresh_for_five_minutes(timestamp: str, fresh: bool) -> None:
    at = str(int(NOW.timestamp()) + int(timestamp))
    assert Signature(serial="s", timestamp=at, nonce="n", value="v").is_of(NOW) is fresh


@pytest.mark.parametrize("timestamp", ["", "x", "1e9", " 1", "-1", "١٢٣", "9" * 400])
def test_a_timestamp_that_is_none_is_of_no_moment(timestamp: str) -> None:
    assert not Signature(serial="s", timestamp=timestamp, nonce="n", value="v").is_of(NOW)


def without(name: str) -> Any:
    def spoil(letter: Letter) -> Letter:
        headers, body = letter
        return {key: value for key, value in headers.items() if key != name}, body

    return spoil


def having(**changes: str) -> Any:
    def spoil(letter: Letter) -> Letter:
        headers, body = letter
        return headers | {f"Wechatpay-{name.title()}": value for name, value in changes.items()}, body

    return spoil


OLD = str(int((NOW - timedelta(minutes=6)).timestamp()))
SPOILED = {
    "no signature": without("Wechatpay-Signature"),
    "no serial": without("Wechatpay-Serial"),
    "another algorithm": having(**{"signature-type": "WECHATPAY2-SM2-WITH-SM3"}),
    "another serial": having(serial="F" * 40),
    "a public key of nobody": having(serial=PUBLIC_KEY_ID),
    "another time": having(timestamp=OLD),
    "another nonce": having(nonce="0" * 32),
    "a probe": having(signature="WECHATPAY/SIGNTEST/" + "A" * 325),
    "another body": lambda letter: (letter[0], letter[1].replace(b"10800", b"1")),
    "no text": lambda letter: (letter[0], b"\xff"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
async def test_an_answer_that_is_not_signed_is_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, spoiled: str
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    assert (await gateway.query(NUMBER, now=NOW)).status is TradeStatus.PAID
    wechatpay.spoils = SPOILED[spoiled]
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_that_there_is_no_order_is_not_believed_unsigned(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    await gateway.query(NUMBER, now=NOW)
    wechatpay.signs = False
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)
    with pytest.raises(UntrustedAnswer):
        await gateway.close(NUMBER, now=NOW)


async def test_whose_signature_is_refused_hears_it_unsigned() -> None:
    said = {"code": "SIGN_ERROR", "message": "错误的签名，验签失败"}
    transport = httpx.MockTransport(lambda _: httpx.Response(401, json=said))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(GatewayRefusal, match="SIGN_ERROR"):
            await WECHATPAY.gateway(http, public_url="http://h").query(NUMBER, now=NOW)


async def is_paid(gateway: WeChatPay, *, later: timedelta = timedelta()) -> bool:
    return (await gateway.query(NUMBER, now=NOW + later)).status is TradeStatus.PAID


async def test_certificates_are_asked_for_once_and_again_after_half_a_day(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, time: Wall
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    assert await is_paid(gateway)
    assert await is_paid(gateway)
    time.pass_by(hours=11, minutes=59)
    assert await is_paid(gateway, later=timedelta(hours=11, minutes=59))
    assert wechatpay.asked == [QUERY, CERTIFICATES, QUERY, QUERY]

    time.pass_by(minutes=1)
    assert await is_paid(gateway, later=timedelta(hours=12))
    assert wechatpay.asked[4:] == [QUERY, CERTIFICATES]


async def test_while_the_certificate_changes_the_old_and_the_new_are_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, time: Wall
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    assert await is_paid(gateway)
    old, new = wechatpay.certificates[0], a_certificate(new_private_key())

    wechatpay.certificates = [old, new]
    time.pass_by(minutes=1)
    assert await is_paid(gateway, later=timedelta(minutes=1))
    wechatpay.certificates = [new, old]
    assert await is_paid(gateway, later=timedelta(minutes=1))
    assert wechatpay.asked.count(CERTIFICATES) == 2

    wechatpay.certificates = [new]
    assert await is_paid(gateway, later=timedelta(minutes=1))


async def test_an_unknown_serial_makes_us_ask_once_a_minute(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, time: Wall
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    assert await is_paid(gateway)
    wechatpay.spoils = having(serial="F" * 40)
    for seconds in (1, 58, 1, 1):
        time.pass_by(seconds=seconds)
        with pytest.raises(UntrustedAnswer):
            await gateway.query(NUMBER, now=time.now)

    assert wechatpay.asked.count(CERTIFICATES) == 2


async def test_many_who_wait_for_a_key_ask_for_it_once(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    wechatpay.hands_out.clear()
    waiting = asyncio.gather(*(is_paid(gateway) for _ in range(8)))
    while wechatpay.asked.count(QUERY) < 8:
        await asyncio.sleep(0)
    wechatpay.hands_out.set()

    assert await waiting == [True] * 8
    assert wechatpay.asked.count(CERTIFICATES) == 1


@pytest.mark.parametrize(
    "certificate",
    [
        a_certificate(since=NOW + timedelta(minutes=10)),
        a_certificate(since=NOW - timedelta(days=9), lasts=timedelta(days=9)),
        replace(a_certificate(), serial="1" * 40),
        replace(a_certificate(), pem="-----BEGIN"),
    ],
    ids=["not yet", "no longer", "another's serial", "none"],
)
async def test_a_certificate_that_is_not_valid_is_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, certificate: Certificate
) -> None:
    wechatpay.certificates = [certificate]
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_certificates_sealed_with_another_key_are_not_believed(network: ByHost) -> None:
    settings = WECHATPAY.model_copy(update={"api_v3_key": SecretStr("x" * 32)})
    async with httpx.AsyncClient(transport=network) as http:
        with pytest.raises(UntrustedAnswer):
            await settings.gateway(http, public_url="http://h").query(NUMBER, now=NOW)


async def test_certificates_that_nobody_signed_are_not_believed(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn
) -> None:
    stranger = a_certificate(new_private_key())
    _, serial = wechatpay.signer
    wechatpay.spoils = lambda letter: (
        (signed(letter[1], key=stranger.key, serial=serial, at=NOW), letter[1])
        if b"encrypt_certificate" in letter[1]
        else letter
    )
    with pytest.raises(UntrustedAnswer):
        await gateway.query(NUMBER, now=NOW)


async def test_the_certificates_we_have_serve_on_while_there_is_no_better_answer(
    gateway: WeChatPay, wechatpay: WeChatPayStandIn, time: Wall
) -> None:
    wechatpay.pay(NUMBER, 108_00)
    assert await is_paid(gateway)
    wechatpay.refuses["/certificates"] = (500, "SYSTEM_ERROR")
    time.pass_by(hours=13)

    assert await is_paid(gateway, later=timedelta(hours=13))


async def test_with_a_public_key_no_certificate_is_asked_for(
    wechatpay: WeChatPayStandIn, network: ByHost
) -> None:
    given = {"public_key_id": PUBLIC_KEY_ID, "public_key": public_pem(BARE_KEY.public_key())}
    wechatpay.pay(NUMBER, 108_00)
    async with httpx.AsyncClient(transport=network) as http:
        gateway = WECHATPAY.model_copy(update=given).gateway(http, public_url="http://h")
        assert await is_paid(gateway)

    assert wechatpay.asked == [QUERY]
