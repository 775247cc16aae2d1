"""Template messages: the account sends one, the phone shows it, and what became of it told to the account."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.sandbox.access import WechatError, require_token
from tuan.sandbox.pages import Pages, wants_page
from tuan.sandbox.phone_pages import OpenId
from tuan.sandbox.scan import Pusher, tell_message_ended
from tuan.sandbox.template import Message, fill_in
from tuan.sandbox.wechat_store import WechatStore

ONCE_WITHIN: Final = timedelta(minutes=10)
SHOWN_MAX: Final = 20


class BadMessage(WechatError):
    """data format error"""

    errcode = 47001


class BadOpenId(WechatError):
    """invalid openid"""

    errcode = 40003


class BadTemplate(WechatError):
    """invalid template_id"""

    errcode = 40037


class BadFields(WechatError):
    """argument invalid! data"""

    errcode = 47003


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("NUL is not text")
    return text


Text = Annotated[str, AfterValidator(_without_nul), StringConstraints(max_length=1024)]


class FieldBody(BaseModel):
    value: Text


class MessageBody(BaseModel):
    touser: Text
    template_id: Text
    url: Text = ""
    client_msg_id: Text | None = None
    data: dict[str, FieldBody]


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageApi:
    pages: Pages
    pusher: Pusher

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=Response)
        router.add_api_route("/wechat/cgi-bin/message/template/send", self.send, methods=["POST"])
        router.add_api_route("/phone/{openid}", self.show, methods=["GET"])
        return router

    async def send(self, request: Request, access_token: str = "") -> Response:
        """The same client_msg_id to the same follower is sent once within ten minutes."""
        now = self.pusher.clock()
        body = await request.body()
        async with transaction(self.pusher.pool) as connection:
            store = WechatStore(connection)
            await require_token(store, access_token, now=now)
            asked = _read(body)
            try:
                await store.hold_follower(asked.touser)
            except NotFound as error:
                raise BadOpenId from error
            message = Message(
                openid=asked.touser,
                template_id=asked.template_id,
                lines=_lines(asked),
                url=asked.url,
                client_msg_id=asked.client_msg_id,
                sent_at=now,
            )
            sent = await store.sent_already(message, since=now - ONCE_WITHIN)
            message_id = sent if sent is not None else await store.add_message(message)

        told = BackgroundTask(tell_message_ended, self.pusher, message, message_id) if sent is None else None
        answer = {"errcode": 0, "errmsg": "ok", "msgid": message_id}
        return JSONResponse(answer, background=told)

    async def show(self, request: Request, openid: OpenId) -> Response:
        async with transaction(self.pusher.pool) as connection:
            store = WechatStore(connection)
            follower = await store.follower(openid)
            messages = await store.messages(openid, SHOWN_MAX)
        if not wants_page(request):
            shown = [{"id": one.id, "url": one.url, "lines": one.lines} for one in messages]
            return JSONResponse({"items": shown})
        return self.pages.render("messages.html", follower=follower, messages=messages)


def _read(body: bytes) -> MessageBody:
    try:
        return MessageBody.model_validate_json(body)
    except ValidationError as error:
        raise BadMessage from error


def _lines(asked: MessageBody) -> list[str]:
    try:
        return fill_in(asked.template_id, {name: one.value for name, one in asked.data.items()})
    except KeyError as error:
        raise BadTemplate from error
    except ValueError as error:
        raise BadFields from error
