"""WeChat Pay's APIv3 over HTTP: who does not sign is turned away; who does gets signed answers."""

import asyncio
import gzip
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.x509 import load_pem_x509_certificate
from fastapi import APIRouter, Request
from starlette.responses import Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.sandbox.pages import Pages
from tuan.sandbox.wechatpay import ParamError, PayError, PayMerchant, Platform, SignError, admit
from tuan.sandbox.wechatpay_answers import Node, refund_node, rfc3339, transaction_node
from tuan.sandbox.wechatpay_bill import Line, bill_csv, day_of, read_token, token_of
from tuan.sandbox.wechatpay_content import (
    BillQuery,
    CloseContent,
    NativeContent,
    RefundContent,
    read,
    read_query,
)
from tuan.sandbox.wechatpay_merchant import close_order, find_order, find_refund, place_order, refund_order
from tuan.sandbox.wechatpay_order import CODE_LASTS, InvalidRequest, PayOrder, new_order_code
from tuan.sandbox.wechatpay_sealing import seal
from tuan.sandbox.wechatpay_store import WechatPayStore

JSON: Final = "application/json; charset=utf-8"
ROOT: Final = "/v3/"
WITHIN_DEFAULT: Final = timedelta(days=7)


class AppMismatch(PayError):
    """appid和mch_id不匹配，请检查后再试"""

    error = "APPID_MCHID_NOT_MATCH"
    status = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request whose signature has been verified."""

    body: bytes
    path: dict[str, str]
    query: dict[str, str]
    now: datetime


Answering = Callable[[Asked], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class WechatPayApi:
    pool: Pool
    merchant: PayMerchant
    platform: Platform
    pages: Pages
    clock: Clock
    woken: asyncio.Event  # Set when there may be a notify to send.

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/wechatpay/v3", default_response_class=Response)
        orders = "/pay/transactions"
        for method, path, answering in (
            ("GET", "/certificates", self.certificates),
            ("POST", f"{orders}/native", self.native),
            ("GET", f"{orders}/out-trade-no/{{out_trade_no}}", self.query),
            ("GET", f"{orders}/id/{{transaction_id}}", self.query),
            ("POST", f"{orders}/out-trade-no/{{out_trade_no}}/close", self.close),
            ("POST", "/refund/domestic/refunds", self.refund),
            ("GET", "/refund/domestic/refunds/{out_refund_no}", self.refund_query),
            ("GET", "/bill/tradebill", self.bill),
        ):
            router.add_api_route(path, self._signed(answering), methods=[method])
        router.add_api_route("/billdownload/file", self.download, methods=["GET"])
        return router

    async def certificates(self, asked: Asked) -> Node:
        pem = self.platform.certificate_pem
        certificate = load_pem_x509_certificate(pem.encode())
        handed_out = {
            "serial_no": self.platform.by_certificate.serial,
            "effective_time": rfc3339(certificate.not_valid_before_utc),
            "expire_time": rfc3339(certificate.not_valid_after_utc),
            "encrypt_certificate": seal(pem, key=self.merchant.api_v3_key, associated_data="certificate"),
        }
        return {"data": [handed_out]}

    async def native(self, asked: Asked) -> Node:
        content = read(NativeContent, asked.body)
        self._require_ours(content.mchid, content.appid)
        expires_at = content.time_expire or asked.now + WITHIN_DEFAULT
        if expires_at <= asked.now:
            raise InvalidRequest("time_expire 须晚于当前时间")
        order = PayOrder(
            code=new_order_code(),
            app_id=content.appid,
            mch_id=content.mchid,
            out_trade_no=content.out_trade_no,
            description=content.description,
            attach=content.attach,
            total_fen=content.amount.total,
            notify_url=content.notify_url,
            created_at=asked.now,
            expires_at=expires_at,
            code_until=asked.now + CODE_LASTS,
        )
        placed = await place_order(self.pool, order)
        # The real one's begins with weixin://, which only its own app opens: see decision 0015.
        return {"code_url": self.pages.link(f"/wxpay/{placed.code}")}

    async def query(self, asked: Asked) -> Node:
        self._require_ours(asked.query.get("mchid", ""))
        order = await find_order(
            self.pool,
            out_trade_no=asked.path.get("out_trade_no"),
            transaction_id=asked.path.get("transaction_id"),
        )
        return transaction_node(order, now=asked.now)

    async def close(self, asked: Asked) -> None:
        self._require_ours(read(CloseContent, asked.body).mchid)
        await close_order(self.pool, asked.path["out_trade_no"], now=asked.now)

    async def refund(self, asked: Asked) -> Node:
        content = read(RefundContent, asked.body)
        if content.out_trade_no is None and content.transaction_id is None:
            raise ParamError("transaction_id 与 out_trade_no 二选一")
        refunded = await refund_order(self.pool, content, now=asked.now)
        self.woken.set()
        return refund_node(refunded.order, refunded.refund, now=asked.now)

    async def refund_query(self, asked: Asked) -> Node:
        refunded = await find_refund(self.pool, asked.path["out_refund_no"])
        return refund_node(refunded.order, refunded.refund, now=asked.now)

    async def bill(self, asked: Asked) -> Node:
        """The digest is of the CSV, packed or not."""
        wanted = read_query(BillQuery, asked.query)
        file = await self._bill_file(wanted, now=asked.now)
        token = token_of(wanted, key=self.merchant.api_v3_key, now=asked.now)
        return {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(file, usedforsecurity=False).hexdigest(),
            "download_url": self.pages.link(f"/wechatpay/v3/billdownload/file?token={token}"),
        }

    async def download(self, request: Request, token: str = "") -> Response:
        """The request is signed like every other; a file is not."""
        now = self.clock()
        try:
            await self._admitted(request, now=now)
            wanted = read_token(token, key=self.merchant.api_v3_key, now=now)
            file = await self._bill_file(wanted, now=now)
        except PayError as refusal:
            return Response(_refusal(refusal), refusal.status, media_type=JSON)
        if wanted.tar_type:
            return Response(gzip.compress(file), media_type="application/x-gzip")
        return Response(file, media_type="text/plain; charset=utf-8")

    def _signed(self, answering: Answering) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            now = self.clock()
            try:
                node = await answering(await self._admitted(request, now=now))
                status, body = (204, b"") if node is None else (200, _json(node))
            except SignError as refusal:  # Of nobody's: there is nobody to sign for.
                return Response(_refusal(refusal), refusal.status, media_type=JSON)
            except PayError as refusal:
                status, body = refusal.status, _refusal(refusal)

            signer = self.platform.signer(request.headers.get("wechatpay-serial"))
            headers = {"request-id": secrets.token_hex(16), **signer.headers(body, now=now)}
            return Response(body, status, headers, media_type=None if status == 204 else JSON)

        return serve

    async def _admitted(self, request: Request, *, now: datetime) -> Asked:
        """Raises SignError, ParamError."""
        if "user-agent" not in request.headers or "accept" not in request.headers:
            raise ParamError("Http头缺少Accept或User-Agent")
        body = await request.body()
        admit(
            self.merchant,
            method=request.method,
            url=_url(request),
            authorization=request.headers.get("authorization"),
            body=body,
            now=now,
        )
        return Asked(body=body, path=request.path_params, query=dict(request.query_params), now=now)

    def _require_ours(self, mch_id: str, app_id: str | None = None) -> None:
        if mch_id != self.merchant.mch_id or app_id not in (None, self.merchant.app_id):
            raise AppMismatch

    async def _bill_file(self, wanted: BillQuery, *, now: datetime) -> bytes:
        since, until = day_of(wanted.bill_date, now=now)
        lines: list[Line] = []
        async with transaction(self.pool) as connection:
            store = WechatPayStore(connection)
            if wanted.bill_type != "REFUND":
                paid = await store.paid_within(since, until)
                lines += [Line(at=order.paid_at or since, order=order) for order in paid]
            if wanted.bill_type != "SUCCESS":
                for refund in await store.refunded_within(since, until):
                    order = await store.find(out_trade_no=None, transaction_id=refund.transaction_id)
                    lines.append(Line(at=refund.created_at, order=order, refund=refund))
        return bill_csv(sorted(lines, key=lambda line: line.at), now=now)


def _url(request: Request) -> str:
    """As the merchant signs it: from /v3 on, whatever stands before it here."""
    path: str = request.scope["raw_path"].decode("ascii")
    query: str = request.scope["query_string"].decode("ascii")
    return path[path.index(ROOT) :] + (f"?{query}" if query else "")


def _json(node: Node) -> bytes:
    return json.dumps(node, ensure_ascii=False, separators=(",", ":")).encode()


def _refusal(refusal: PayError) -> bytes:
    node: Node = {"code": refusal.error, "message": str(refusal)}
    return _json(node | ({"detail": refusal.detail} if refusal.detail else {}))
