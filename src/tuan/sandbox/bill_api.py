"""Bills over HTTP: the link Alipay's gateway gives, the file it leads to, and what to get wrong next."""

import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import AfterValidator, model_validator
from starlette.responses import JSONResponse, Response

from tuan.kernel.clock import Clock
from tuan.kernel.db import Pool, transaction
from tuan.kernel.ids import new_id
from tuan.kernel.money import Fen
from tuan.kernel.web import Body, Id
from tuan.sandbox.alipay import Account, done_node
from tuan.sandbox.answers import Node
from tuan.sandbox.bill import (
    BILL_TYPES,
    PERIOD,
    REFUSALS,
    BillArgumentsInvalid,
    BillTrouble,
    BillTypeUnsupported,
    TroubleKind,
    read_period,
    troubled,
)
from tuan.sandbox.bill_file import bill_name, bill_zip
from tuan.sandbox.bill_store import BillStore
from tuan.sandbox.content import BillContent, OutTradeNo, RefundNumber, read
from tuan.sandbox.pages import Pages

LINK_LASTS: Final = timedelta(seconds=30)
EMPTY: Final = "EMPTY_DATA_WITH_BILL_FILE"
LISTED_MAX: Final = 1_000
OF_A_ROW: Final = frozenset({TroubleKind.EXTRA_ROW, TroubleKind.CHANGED_AMOUNT, TroubleKind.CHANGED_FEE})


def _a_period(name: str) -> str:
    if not PERIOD.fullmatch(name):
        raise ValueError("yyyy-MM-dd or yyyy-MM")
    return name


class NewBillTrouble(Body):
    """Which row of which bill, and what it shows instead; or a refusal, in Alipay's word."""

    period: Annotated[str, AfterValidator(_a_period)]
    kind: TroubleKind
    out_trade_no: OutTradeNo | None = None
    refund_number: RefundNumber | None = None
    amount_fen: Fen | None = None
    says: OutTradeNo | None = None

    @model_validator(mode="after")
    def says_what_its_kind_needs(self) -> "NewBillTrouble":
        is_refusal = self.kind is TroubleKind.REFUSED
        needs = {
            "out_trade_no": not is_refusal,
            "amount_fen": self.kind in OF_A_ROW,
            "says": is_refusal or self.kind is TroubleKind.WRONG_NUMBER,
        }
        for name, needed in needs.items():
            if needed != (getattr(self, name) is not None):
                raise ValueError(f"{name} is {'needed' if needed else 'of no use'} for {self.kind}")
        if is_refusal and self.says not in REFUSALS:
            raise ValueError(f"says is one of {', '.join(REFUSALS)}")
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Bills:
    pool: Pool
    account: Account
    pages: Pages
    fee_rate_bp: int
    clock: Clock

    def router(self) -> APIRouter:
        router = APIRouter(default_response_class=Response)
        router.add_api_route("/bill/{token}.zip", self.file, methods=["GET"])
        router.add_api_route("/admin/bill-troubles", self.troubles, methods=["GET"])
        router.add_api_route("/admin/bill-troubles", self.add_trouble, methods=["POST"])
        router.add_api_route("/admin/bill-troubles/{trouble_id}", self.drop_trouble, methods=["DELETE"])
        return router

    async def node(self, content: str) -> Node:
        """What the gateway answers. Raises what stands in the way of a bill."""
        asked, now = read(BillContent, content), self.clock()
        if asked.bill_type not in BILL_TYPES:
            raise BillArgumentsInvalid
        if asked.bill_type != "trade":
            raise BillTypeUnsupported
        period = read_period(asked.bill_date, now=now)
        period.require_ready(now=now)

        # Used up even by a question that they make end in a refusal.
        async with transaction(self.pool) as connection:
            troubles = await BillStore(connection).use_troubles(period, now=now)
        async with transaction(self.pool) as connection:
            store = BillStore(connection)
            true = await store.rows(period, app_id=self.account.app_id, fee_rate_bp=self.fee_rate_bp)
            rows = troubled(true, troubles, period=period)
            token = secrets.token_urlsafe(24)
            seller_id = self.account.seller_id
            await store.forget_links(now=now)
            await store.add_link(
                token,
                file_name=f"{bill_name(period, seller_id=seller_id)}.csv.zip",
                file=bill_zip(rows, period, seller_id=seller_id, now=now),
                expires_at=now + LINK_LASTS,
            )
        empty = {} if rows else {"bill_file_code": EMPTY}
        return done_node(bill_download_url=self.pages.link(f"/bill/{token}.zip"), **empty)

    async def file(self, token: Id) -> Response:
        async with transaction(self.pool) as connection:
            name, file = await BillStore(connection).file(token, now=self.clock())
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(file, headers=headers, media_type="application/zip")

    async def troubles(self, limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100) -> Response:
        async with transaction(self.pool) as connection:
            latest = await BillStore(connection).latest_troubles(limit)
        return JSONResponse({"items": [_view(trouble) for trouble in latest]})

    async def add_trouble(self, body: NewBillTrouble) -> Response:
        """For the next bill of its period, and no other."""
        read_period(body.period, now=self.clock())
        trouble = BillTrouble(id=new_id(), created_at=self.clock(), **body.model_dump())
        async with transaction(self.pool) as connection:
            await BillStore(connection).add_trouble(trouble)
        return JSONResponse(_view(trouble), 201)

    async def drop_trouble(self, trouble_id: Id) -> Response:
        async with transaction(self.pool) as connection:
            await BillStore(connection).drop_trouble(trouble_id)
        return Response(status_code=204)


def _view(trouble: BillTrouble) -> dict[str, object]:
    used_at = trouble.used_at and trouble.used_at.isoformat()
    return asdict(trouble) | {"created_at": trouble.created_at.isoformat(), "used_at": used_at}
