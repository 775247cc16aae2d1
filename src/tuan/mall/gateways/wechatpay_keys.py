"""The keys that WeChat Pay signs with: one that was given to us, or those it hands out as certificates."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from pydantic import BaseModel

from tuan.kernel.errors import Unreachable
from tuan.mall.gateways.gateway import UntrustedAnswer
from tuan.mall.gateways.wechatpay_client import WeChatPayClient
from tuan.mall.gateways.wechatpay_signing import Sealed, Signature

CERTIFICATES: Final = "/v3/certificates"
PUBLIC_KEY_ID: Final = "PUB_KEY_ID_"  # Begins the serial of what is no certificate.
KEPT_FOR: Final = timedelta(hours=12)
ASK_AGAIN_AFTER: Final = timedelta(minutes=1)  # Whoever forges a serial makes us ask no more often.
log = structlog.get_logger()


class HandedOut(BaseModel):
    serial_no: str
    encrypt_certificate: Sealed


class Certificates(BaseModel):
    data: list[HandedOut]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformCertificate:
    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime

    def is_valid(self, moment: datetime) -> bool:
        return self.valid_from <= moment < self.valid_until


class PlatformKeys:
    def __init__(self, client: WeChatPayClient) -> None:
        self._client = client
        self._certificates: dict[str, PlatformCertificate] = {}
        self._asked_at: datetime | None = None
        self._asking = asyncio.Lock()

    async def of(self, serial: str, *, at: datetime, now: datetime) -> RSAPublicKey | None:
        """The key with which WeChat Pay signed at that moment; None when we cannot get it.

        While it changes its certificate it hands out two, and signs with either.
        """
        given = self._client.account.public_key
        if serial.startswith(PUBLIC_KEY_ID):
            return given.key if given and given.id == serial else None
        if self._is_due(serial, now):
            async with self._asking:
                if self._is_due(serial, now):
                    await self._refresh(now)
                    self._asked_at = now  # Only now: who came meanwhile waits for the answer too.
        certificate = self._certificates.get(serial)
        return certificate.key if certificate and certificate.is_valid(at) else None

    def _is_due(self, serial: str, now: datetime) -> bool:
        wait = KEPT_FOR if serial in self._certificates else ASK_AGAIN_AFTER
        return self._asked_at is None or now - self._asked_at >= wait

    async def _refresh(self, now: datetime) -> None:
        """Those we have stay when there is no better answer."""
        try:
            answer = await self._client.send("GET", CERTIFICATES, now=now)
            if not answer.is_good:
                raise UntrustedAnswer
            certificates = _read(answer.body, self._client.account.api_v3_key)
            signature = Signature.of(answer.headers)
            signer = certificates.get(signature.serial) if signature and signature.is_of(now) else None
            if signature is None or signer is None or not signature.covers(answer.body, signer.key):
                raise UntrustedAnswer
        except (Unreachable, UntrustedAnswer) as trouble:
            log.error("wechatpay_certificates_not_fetched", why=trouble.code)
            return
        self._certificates = certificates


def _read(body: bytes, api_v3_key: bytes) -> dict[str, PlatformCertificate]:
    """That they open with our key proves who closed them. Raises UntrustedAnswer."""
    try:
        handed_out = Certificates.model_validate_json(body).data
        return {one.serial_no: _certificate(one, api_v3_key) for one in handed_out}
    except ValueError as error:  # Also pydantic's.
        raise UntrustedAnswer from error


def _certificate(one: HandedOut, api_v3_key: bytes) -> PlatformCertificate:
    certificate = load_pem_x509_certificate(one.encrypt_certificate.opened(api_v3_key))
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or certificate.serial_number != int(one.serial_no, 16):
        raise ValueError(f"{one.serial_no} is not what it is called")
    return PlatformCertificate(
        key=key,
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )
