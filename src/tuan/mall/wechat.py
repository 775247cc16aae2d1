"""WeChat's official-account API: a QR code that tells us who scanned it, and messages to who follows us."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from tuan.kernel.errors import Refusal, Unreachable

TIMEOUT = httpx.Timeout(5.0, connect=3.0)
TOKEN_REFUSED = frozenset({40001, 40014, 42001})
COMES_BACK = TOKEN_REFUSED | {-1, 45011}  # Busy, or asked too often this minute: another try may do better.
EARLY = timedelta(seconds=120)
log = structlog.get_logger()


class QrCode(BaseModel):
    ticket: str  # WeChat's name for the code, under which it shows a picture of it.
    url: str  # What the code must say.
    expire_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A template message (模板消息)."""

    id: str  # client_msg_id: under the same one WeChat sends once within ten minutes.
    template_id: str
    openid: str = field(repr=False)
    page: str  # What a tap on it opens.
    fields: Mapping[str, str] = field(repr=False)


class MessageRefused(Refusal):
    """WeChat does not send this message, and will not."""

    code = "message_refused"

    def __init__(self, errcode: int) -> None:
        super().__init__()
        self.errcode = errcode


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
        return _read(QrCode, await self._call("/cgi-bin/qrcode/create", body, now=now))

    async def send(self, message: Message, *, now: datetime) -> None:
        """Safe to repeat. Raises MessageRefused, too."""
        body = {
            "touser": message.openid,
            "template_id": message.template_id,
            "url": message.page,
            "client_msg_id": message.id,
            "data": {name: {"value": value} for name, value in message.fields.items()},
        }
        answer = await self._call("/cgi-bin/message/template/send", body, now=now)
        errcode = answer.get("errcode")
        if errcode in COMES_BACK or not isinstance(errcode, int):
            log.warning("wechat_refused", errcode=errcode)
            raise Unreachable("WeChat does not answer; try again.")
        if errcode != 0:
            raise MessageRefused(errcode)

    async def _call(self, path: str, body: Mapping[str, object], *, now: datetime) -> dict[str, Any]:
        """With our token; and once more with a new one, should WeChat no longer take it."""
        token = await self._access_token(now=now)
        answer = await self._post(f"{path}?access_token={token}", body)
        if answer.get("errcode") in TOKEN_REFUSED:
            token = await self._access_token(now=now, instead_of=token)
            answer = await self._post(f"{path}?access_token={token}", body)
        return answer

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

    async def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
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
