"""The phone that scans a QR code: choose who holds it, scan, and read what the account answers."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from pydantic import AfterValidator, StringConstraints
from starlette.responses import JSONResponse, RedirectResponse, Response

from tuan.kernel.db import Pool, transaction
from tuan.kernel.errors import InvalidRequest
from tuan.kernel.web import Id
from tuan.sandbox.pages import Pages, wants_page
from tuan.sandbox.qr import Follower, Push, Qr
from tuan.sandbox.reply import pieces
from tuan.sandbox.scan import Pusher, scan
from tuan.sandbox.wechat_store import PushTry, WechatStore

FOLLOWERS_MAX: Final = 30


def _visible(nickname: str) -> str:
    if not nickname.isprintable():
        raise ValueError("a nickname is made of visible characters")
    return nickname


Nickname = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20),
    AfterValidator(_visible),
]
OpenId = Annotated[str, StringConstraints(pattern=r"^o[A-Za-z0-9_-]{27}$")]
PushId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhonePages:
    pool: Pool
    pages: Pages
    pusher: Pusher

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/q/{qr_id}", default_response_class=Response)
        router.add_api_route("", self.show, methods=["GET"])
        router.add_api_route("", self.confirm, methods=["POST"])
        return router

    async def show(
        self,
        request: Request,
        qr_id: Id,
        openid: Annotated[OpenId | None, Query()] = None,
        nickname: Annotated[Nickname | None, Query()] = None,
        push: Annotated[PushId | None, Query()] = None,
    ) -> Response:
        """Without a choice: who may scan. With one: shall they? With a push: what became of it."""
        async with transaction(self.pool) as connection:
            store = WechatStore(connection)
            qr = await store.qr(qr_id)
            followers = await store.followers(FOLLOWERS_MAX)
            chosen = await store.follower(openid) if openid else None
            tries = await store.pushes(3, push_id=push) if push else []

        is_live = qr.is_live(self.pusher.clock())
        if not wants_page(request):
            return JSONResponse(_qr_view(qr, followers, is_live=is_live))
        return self.pages.render(
            "phone.html",
            status=200 if is_live or tries else 410,
            qr=qr,
            is_live=is_live,
            followers=followers,
            chosen=chosen,
            nickname=nickname,
            tries=tries,
            reply=pieces(tries[-1].reply) if tries and tries[-1].reply else [],
        )

    async def confirm(
        self,
        request: Request,
        qr_id: Id,
        openid: Annotated[OpenId | None, Form()] = None,
        nickname: Annotated[Nickname | None, Form()] = None,
    ) -> Response:
        if (openid is None) == (nickname is None):
            raise InvalidRequest("Send either openid or nickname.")

        push = await scan(self.pusher, qr_id, openid=openid, nickname=nickname)
        if wants_page(request):
            return RedirectResponse(self.pages.link(f"/q/{qr_id}?push={push.id}"), status_code=303)
        async with transaction(self.pool) as connection:
            tries = await WechatStore(connection).pushes(3, push_id=push.id)
        return JSONResponse(_push_view(push, tries))


def _qr_view(qr: Qr, followers: list[Follower], *, is_live: bool) -> dict[str, object]:
    return {
        "id": qr.id,
        "status": "live" if is_live else "expired",
        "followers": [{"openid": one.openid, "nickname": one.nickname} for one in followers],
    }


def _push_view(push: Push, tries: list[PushTry]) -> dict[str, object]:
    return {
        "id": push.id,
        "openid": push.openid,
        "event": push.event,
        "acknowledged": tries[-1].acknowledged_at is not None,
        "reply": tries[-1].reply,
        "attempts": [{"status": one.status, "answer": one.answer} for one in tries],
    }
