"""WeChat's API over HTTP: tokens, QR codes, their pictures. Errors are JSON with status 200."""

import io
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Final, cast

import segno
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.sandbox.access import Issued, WechatError, is_word, issue_legacy, issue_stable, require_token
from tuan.sandbox.pages import Pages
from tuan.sandbox.qr import LASTS_AT_MOST, LASTS_BY_DEFAULT, new_qr
from tuan.sandbox.wechat_store import WechatStore

LASTING: Final = frozenset({"QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"})
PASSING: Final = frozenset({"QR_SCENE", "QR_STR_SCENE"})
NUMBERED: Final = frozenset({"QR_SCENE", "QR_LIMIT_SCENE"})


class BadFormat(WechatError):
    """data format error"""

    errcode = 47001


class BadGrant(WechatError):
    """invalid grant_type"""

    errcode = 40002


class BadAppId(WechatError):
    """invalid appid"""

    errcode = 40013


class BadSecret(WechatError):
    """invalid appsecret"""

    errcode = 40125


class BadAction(WechatError):
    """invalid action info"""

    errcode = 40053


class BadArguments(WechatError):
    """invalid args"""

    errcode = 40097


class TokenBody(BaseModel):
    grant_type: str = ""
    appid: str = ""
    secret: str = ""
    force_refresh: bool = False


def _without_nul(scene: str) -> str:
    if "\0" in scene:
        raise ValueError("NUL is not text")
    return scene


SceneText = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_without_nul)]


class Scene(BaseModel):
    scene_id: int | None = Field(default=None, ge=1, le=2**32 - 1)
    scene_str: SceneText | None = None


class ActionInfo(BaseModel):
    scene: Scene | None = None


class QrBody(BaseModel):
    action_name: str = ""
    action_info: ActionInfo = ActionInfo()
    expire_seconds: int | None = Field(default=None, ge=1, le=int(LASTS_AT_MOST.total_seconds()))

    @property
    def scene(self) -> str:
        """Who forgets the inner "scene" gets a code whose scene is 0, and no error: as at the real one."""
        scene = self.action_info.scene
        if scene is None:
            return "0"
        chosen = scene.scene_id if self.action_name in NUMBERED else scene.scene_str
        if chosen is None:
            raise BadAction
        return str(chosen)

    @property
    def lasts(self) -> timedelta | None:
        if self.action_name in LASTING:
            return None
        return LASTS_BY_DEFAULT if self.expire_seconds is None else timedelta(seconds=self.expire_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class WechatApi:
    pool: Pool
    pages: Pages
    app_id: str
    app_secret: str
    clock: Clock

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/wechat/cgi-bin", default_response_class=JSONResponse)
        router.add_api_route("/stable_token", self.stable_token, methods=["POST"])
        router.add_api_route("/token", self.token, methods=["GET"])
        router.add_api_route("/qrcode/create", self.create_qr, methods=["POST"])
        router.add_api_route("/showqrcode", self.show_qr, methods=["GET"])
        return router

    async def stable_token(self, request: Request) -> Response:
        asked = _read_token(await request.body())
        self._check(asked)
        return _issued(await issue_stable(self.pool, force_refresh=asked.force_refresh, now=self.clock()))

    async def token(self, request: Request) -> Response:
        self._check(TokenBody.model_validate(dict(request.query_params)))
        return _issued(await issue_legacy(self.pool, now=self.clock()))

    async def create_qr(self, request: Request, access_token: str = "") -> Response:
        now = self.clock()
        body = await request.body()
        async with transaction(self.pool) as connection:
            store = WechatStore(connection)
            await require_token(store, access_token, now=now)
            asked = _read_qr(body)
            qr = new_qr(scene=asked.scene, lasts=asked.lasts, now=now)
            await store.add_qr(qr)

        answer: dict[str, object] = {"ticket": qr.ticket}
        if asked.lasts is not None:
            answer["expire_seconds"] = int(asked.lasts.total_seconds())
        return JSONResponse(answer | {"url": self.pages.link(f"/q/{qr.id}")})

    async def show_qr(self, ticket: str = "") -> Response:
        async with transaction(self.pool) as connection:
            qr = await WechatStore(connection).find_qr_of(ticket) if is_word(ticket) else None
        if qr is None:
            return PlainTextResponse("", 404)

        picture = io.BytesIO()
        segno.make_qr(self.pages.link(f"/q/{qr.id}"), error="m").save(picture, kind="png", scale=10)
        return Response(picture.getvalue(), media_type="image/png")

    def _check(self, asked: TokenBody) -> None:
        if asked.grant_type != "client_credential":
            raise BadGrant
        if asked.appid != self.app_id:
            raise BadAppId
        if not secrets.compare_digest(asked.secret.encode(), self.app_secret.encode()):
            raise BadSecret


async def wechat_refused(_: Request, error: Exception) -> Response:
    refusal = cast(WechatError, error)
    return JSONResponse({"errcode": refusal.errcode, "errmsg": f"{refusal} rid: {secrets.token_hex(12)}"})


def _read_token(body: bytes) -> TokenBody:
    try:
        return TokenBody.model_validate_json(body)
    except ValidationError as error:
        raise BadFormat from error


def _read_qr(body: bytes) -> QrBody:
    try:
        asked = QrBody.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors()[0]
        if wrong["loc"][:1] == ("expire_seconds",):
            raise BadArguments from error
        raise (BadAction if wrong["loc"][:1] == ("action_info",) else BadFormat) from error

    if asked.action_name not in LASTING | PASSING:
        raise BadAction
    return asked


def _issued(issued: Issued) -> Response:
    return JSONResponse(asdict(issued))
