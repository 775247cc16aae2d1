"""The wire to WeChat Pay: what we send is signed; what comes back is not yet believed."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tuan.kernel.errors import Unreachable
from tuan.mall.gateways.wechatpay_signing import authorization

TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
USER_AGENT: Final = "tuan"  # WeChat Pay refuses who has none.
TOO_MANY_REQUESTS: Final = 429
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformPublicKey:
    """WeChat Pay's own (微信支付公钥), for merchants that it gives one instead of certificates."""

    id: str  # PUB_KEY_ID_…
    key: RSAPublicKey = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeChatPayAccount:
    """Who we are to WeChat Pay, and how each knows the other."""

    api_url: str  # Without a slash at its end.
    app_id: str
    mch_id: str
    serial_no: str  # Of our certificate, which WeChat Pay has.
    private_key: RSAPrivateKey = field(repr=False)  # Ours.
    api_v3_key: bytes = field(repr=False)
    public_key: PlatformPublicKey | None = None
    notify_url: str
    fee_bp: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class WeChatPayClient:
    def __init__(self, http: httpx.AsyncClient, account: WeChatPayAccount) -> None:
        self._http = http
        self.account = account

    async def send(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, *, now: datetime
    ) -> Answer:
        """`path` begins at /v3, and is what is signed. Raises Unreachable, also when WeChat Pay is busy."""
        body = "" if content is None else json.dumps(content, ensure_ascii=False)
        try:
            response = await self._http.request(
                method,
                f"{self.account.api_url}{path}",
                content=body or None,
                headers=self._headers(method, path, body, now=now),
                timeout=TIMEOUT,
            )
        except httpx.HTTPError as error:
            log.warning("wechatpay_unreachable", path=path, error=type(error).__name__)
            raise Unreachable("The gateway does not answer; try again.") from error
        if response.is_server_error or response.status_code == TOO_MANY_REQUESTS:
            log.warning("wechatpay_unreachable", path=path, status=response.status_code, answer=response.text)
            raise Unreachable("The gateway is busy; try again.")
        return Answer(status=response.status_code, headers=response.headers, body=response.content)

    async def download(self, path: str, *, bytes_max: int, now: datetime) -> bytes:
        """A file, which nobody signs. Raises Unreachable, ValueError for more than `bytes_max`."""
        url, headers = f"{self.account.api_url}{path}", self._headers("GET", path, "", now=now)
        file = bytearray()
        try:
            async with self._http.stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
                response.raise_for_status()
                async for part in response.aiter_raw():
                    file += part
                    if len(file) > bytes_max:
                        raise ValueError(f"a file of more than {bytes_max} bytes")
        except httpx.HTTPError as error:
            raise Unreachable("The file cannot be downloaded; ask for it again.") from error
        return bytes(file)

    def _headers(self, method: str, path: str, body: str, *, now: datetime) -> dict[str, str]:
        account = self.account
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "authorization": authorization(
                mch_id=account.mch_id,
                serial_no=account.serial_no,
                key=account.private_key,
                method=method,
                path=path,
                body=body,
                nonce=secrets.token_hex(16).upper(),
                now=now,
            ),
        }
        if account.public_key:  # To be answered under this one.
            headers["wechatpay-serial"] = account.public_key.id
        return headers
