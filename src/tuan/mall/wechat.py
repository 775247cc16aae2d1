"""WeChat's official-account API: a QR code that tells us who scanned it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from tuan.kernel.errors import Unreachable

TIMEOUT = httpx.Timeout(5.0, connect=3.0)
TOKEN_REFUSED = frozenset({40001, 40014, 42001})
EARLY = timedelta(seconds=120)
log = structlog.get_logger()


class QrCode(BaseModel):
    url: str  # What the code must say.
    expire_seconds: int


class WeChat:
    """Raises Unreachable whenever WeChat does not do what was asked; its reason is in our log."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, app_id: str, app_secret: str) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._app_id = app_id
        self._app_secret = app_secret
        self._token = ""
        self._token_until = datetime.min.replace(tzinfo=UTC)
        self._refreshing = asyncio.Lock()

    async def create_qr(self, scene: str, *, lasts: timedelta, now: datetime) -> QrCode:
        body = {
            "expire_seconds": int(lasts.total_seconds()),
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }
        token = await self._access_token(now=now)
        answer = await self._post(f"/cgi-bin/qrcode/create?access_token={token}", body)
        if answer.get("errcode") in TOKEN_REFUSED:
            token = await self._access_token(now=now, instead_of=token)
            answer = await self._post(f"/cgi-bin/qrcode/create?access_token={token}", body)
        return _read(QrCode, answer)

    async def _access_token(self, *, now: datetime, instead_of: str | None = None) -> str:
        async with self._refreshing:
            if now >= self._token_until or self._token == instead_of:
                body = {
                    "grant_type": "client_credential",
                    "appid": self._app_id,
                    "secret": self._app_secret,
                    "force_refresh": instead_of is not None,
                }
                answer = _read(_Token, await self._post("/cgi-bin/stable_token", body))
                self._token = answer.access_token
                self._token_until = now + timedelta(seconds=answer.expires_in) - EARLY
            return self._token

    async def _post(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        try:
            response = await self._http.post(self._url + path, json=body, timeout=TIMEOUT)
            answer = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            # The error itself quotes the address, and with it the token.
            log.warning("wechat_unreachable", error=type(error).__name__)
            raise Unreachable("WeChat does not answer; try again.") from None
        return answer if isinstance(answer, dict) else {}


class _Token(BaseModel):
    access_token: str
    expires_in: int


Shape = TypeVar("Shape", bound=BaseModel)


def _read(shape: type[Shape], answer: dict[str, Any]) -> Shape:
    """WeChat answers 200 to everything; what failed has an errcode instead of what was asked for."""
    try:
        return shape.model_validate(answer)
    except ValidationError:
        log.error("wechat_refused", errcode=answer.get("errcode"), errmsg=answer.get("errmsg"))
        raise Unreachable("WeChat does not answer; try again.") from None
