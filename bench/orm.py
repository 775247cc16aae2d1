"""What one would write otherwise: the same lock on FastAPI with an ORM, one transaction a request. No key is
asked for, nothing is counted and no line is logged, so it does less than ours."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

URL = os.environ.get("TUAN_MARKET_DATABASE_URL", "postgresql://").replace(
    "postgresql:", "postgresql+psycopg:", 1
)
sessions = async_sessionmaker(create_async_engine(URL, pool_size=16, max_overflow=0), expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Discount(Base):
    __tablename__ = "discount"
    id: Mapped[str] = mapped_column(primary_key=True)
    rate_bp: Mapped[int]


class Terms(Base):
    __tablename__ = "terms"
    id: Mapped[str] = mapped_column(primary_key=True)
    discount_id: Mapped[str] = mapped_column(ForeignKey("discount.id"))
    take_limit: Mapped[int]
    hold_minutes: Mapped[int]
    discount: Mapped[Discount] = relationship(lazy="joined")


class Campaign(Base):
    __tablename__ = "campaign"
    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Team(Base):
    __tablename__ = "team"
    id: Mapped[str] = mapped_column(primary_key=True)
    terms_id: Mapped[str]
    list_fen: Mapped[int]
    status: Mapped[str]
    seats_target: Mapped[int]
    seats_taken: Mapped[int]
    closes_at: Mapped[datetime]


class Seat(Base):
    __tablename__ = "seat"
    source: Mapped[str] = mapped_column(primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("team.id"))
    campaign_id: Mapped[str]
    goods_id: Mapped[str]
    channel: Mapped[str]
    buyer_id: Mapped[str]
    status: Mapped[str]
    list_fen: Mapped[int]
    discount_fen: Mapped[int]
    payable_fen: Mapped[int]
    locked_at: Mapped[datetime]
    hold_until: Mapped[datetime]


class LockBody(BaseModel):
    buyer_id: str
    goods_id: str
    channel: str
    campaign_id: str
    team_id: str


class SeatView(LockBody):
    out_trade_no: str
    status: str
    payable_fen: int
    hold_until: datetime


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened, opened.begin():
        yield opened


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    return {"ready": True}


@app.put("/v1/seats/{out_trade_no}")
async def lock(out_trade_no: str, body: LockBody, db: Annotated[AsyncSession, Depends(session)]) -> SeatView:
    now = datetime.now(UTC)
    buyer = func.hashtextextended(f"{body.campaign_id} {body.buyer_id}", 0)
    await db.execute(select(func.pg_advisory_xact_lock(buyer)))
    if found := await db.get(Seat, ("mall", out_trade_no)):
        return SeatView.model_validate(found, from_attributes=True)
    campaign = await db.get_one(Campaign, body.campaign_id)
    if campaign.status != "live" or not campaign.starts_at <= now < campaign.ends_at:
        raise HTTPException(409, "campaign_closed")
    team = await db.get_one(Team, body.team_id, with_for_update=True)
    terms = await db.get_one(Terms, team.terms_id)
    held = select(Seat.team_id).where(
        Seat.campaign_id == body.campaign_id,
        Seat.buyer_id == body.buyer_id,
        Seat.status.in_(["locked", "settled"]),
    )
    mine = (await db.scalars(held)).all()
    if team.id in mine or len(mine) >= terms.take_limit:
        raise HTTPException(409, "take_limit_reached")
    if team.status != "forming" or now >= team.closes_at or team.seats_taken >= team.seats_target:
        raise HTTPException(409, "team_full")
    team.seats_taken += 1
    payable_fen = max(1, team.list_fen * terms.discount.rate_bp // 10000)
    seat = Seat(
        **body.model_dump(),
        source="mall",
        out_trade_no=out_trade_no,
        status="locked",
        list_fen=team.list_fen,
        discount_fen=team.list_fen - payable_fen,
        payable_fen=payable_fen,
        locked_at=now,
        hold_until=now + timedelta(minutes=terms.hold_minutes),
    )
    db.add(seat)
    await db.flush()
    return SeatView.model_validate(seat, from_attributes=True)
