"""The shapes in which the mall answers its shop. Buyers' ids stay here."""

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel

from tuan.mall.buyer import masked
from tuan.mall.look import Offered, ProductSeen, SeenTeam, TeamSeen
from tuan.mall.market_client import Quote, Statistics
from tuan.mall.order import OrderKind, OrderStatus
from tuan.mall.own_orders import OrderSeen
from tuan.mall.store_order import Delivery
from tuan.mall.timeline import Happened, Step, timeline

HOLDS_A_SEAT = frozenset({"locked", "settled"})


class GatewayView(BaseModel):
    name: str
    title: str


class SettingsView(BaseModel):
    demo: bool
    guests: bool  # Whether one may buy without signing in with WeChat.
    gateways: list[GatewayView]  # That buyers may pay through, the first unless they choose.
    server_time: AwareDatetime


class GroupPrice(BaseModel):
    payable_fen: int
    discount_fen: int
    seats_target: int


class ProductCard(BaseModel):
    id: str
    title: str
    subtitle: str
    picture: str
    list_fen: int
    group: GroupPrice | None

    @classmethod
    def of(cls, offered: Offered) -> Self:
        product, quote = offered.product, offered.quote
        return cls(
            id=product.id,
            title=product.title,
            subtitle=product.subtitle,
            picture=product.pictures[0],
            list_fen=product.list_fen,
            group=quote
            and GroupPrice(
                payable_fen=quote.payable_fen,
                discount_fen=quote.discount_fen,
                seats_target=quote.seats_target,
            ),
        )


class ProductPage(BaseModel):
    items: list[ProductCard]
    next_cursor: str | None


class GroupOffer(BaseModel):
    campaign_id: str
    payable_fen: int
    discount_fen: int
    seats_target: int
    take_limit: int
    team_minutes: int
    ends_at: AwareDatetime
    plan: Literal["amount_off", "threshold", "percent", "fixed_price"]
    may_join: bool
    reasons: list[str]  # The market's codes, on its path to this price.

    @classmethod
    def of(cls, quote: Quote) -> Self:
        return cls.model_validate(quote.model_dump() | {"reasons": [one.code for one in quote.reasons]})


class StatisticsView(BaseModel):
    teams_opened: int
    teams_formed: int
    buyers: int

    @classmethod
    def of(cls, statistics: Statistics) -> Self:
        return cls.model_validate(statistics.model_dump())


class MemberView(BaseModel):
    nickname: str
    avatar: int
    opener: bool
    paid: bool


class TeamView(BaseModel):
    id: str
    product_id: str
    campaign_id: str
    status: Literal["forming", "formed", "failed"]
    seats_target: int
    seats_taken: int
    seats_settled: int
    closes_at: AwareDatetime
    members: list[MemberView]
    mine: bool

    @classmethod
    def of(cls, seen: SeenTeam) -> Self:
        team = seen.team
        return cls(
            id=team.id,
            product_id=team.goods_id,
            campaign_id=team.campaign_id,
            status=team.status,
            seats_target=team.seats_target,
            seats_taken=team.seats_taken,
            seats_settled=team.seats_settled,
            closes_at=team.closes_at,
            members=[
                MemberView(
                    nickname=masked(seen.who(member).nickname),
                    avatar=seen.who(member).avatar,
                    opener=member.opener,
                    paid=member.status == "settled",
                )
                for member in team.members
                if member.status in HOLDS_A_SEAT
            ],
            mine=seen.is_mine,
        )


class ProductView(BaseModel):
    id: str
    title: str
    subtitle: str
    description: str
    pictures: list[str]
    list_fen: int
    group: GroupOffer | None
    statistics: StatisticsView | None
    teams: list[TeamView]
    server_time: AwareDatetime

    @classmethod
    def of(cls, seen: ProductSeen, *, server_time: AwareDatetime) -> Self:
        product, quote = seen.offered.product, seen.offered.quote
        return cls(
            id=product.id,
            title=product.title,
            subtitle=product.subtitle,
            description=product.description,
            pictures=product.pictures,
            list_fen=product.list_fen,
            group=quote and GroupOffer.of(quote),
            statistics=seen.statistics and StatisticsView.of(seen.statistics),
            teams=[TeamView.of(one) for one in seen.teams],
            server_time=server_time,
        )


class FillingTeam(BaseModel):
    team: TeamView
    product: ProductCard

    @classmethod
    def of(cls, found: TeamSeen) -> Self:
        return cls(team=TeamView.of(found.seen), product=ProductCard.of(found.offered))


class FillingTeams(BaseModel):
    items: list[FillingTeam]
    server_time: AwareDatetime


class TeamPageView(BaseModel):
    team: TeamView
    product: ProductCard
    group: GroupOffer | None
    server_time: AwareDatetime


class OrderedProduct(BaseModel):
    id: str
    title: str
    picture: str


class DeliveryView(BaseModel):
    code: str
    delivered_at: AwareDatetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(code=delivery.code, delivered_at=delivery.delivered_at)


class StepView(BaseModel):
    what: Step
    at: AwareDatetime

    @classmethod
    def of(cls, happened: Happened) -> Self:
        return cls(what=happened.what, at=happened.at)


class OrderView(BaseModel):
    number: str
    status: OrderStatus
    kind: OrderKind
    product: OrderedProduct
    list_fen: int
    discount_fen: int
    payable_fen: int
    campaign_id: str | None
    team_id: str | None
    team: TeamView | None
    pay_url: str | None
    pay_until: AwareDatetime | None
    gateway: str | None
    created_at: AwareDatetime
    paid_at: AwareDatetime | None
    ready_at: AwareDatetime | None
    fulfilled_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    refunding_at: AwareDatetime | None
    refunded_at: AwareDatetime | None
    cancellable: bool
    refundable: bool
    timeline: list[StepView]
    delivery: DeliveryView | None
    server_time: AwareDatetime

    @classmethod
    def of(cls, seen: OrderSeen, *, pay_url: str, server_time: AwareDatetime) -> Self:
        order, awaited = seen.order, seen.awaited
        return cls(
            number=order.number,
            status=order.status,
            kind=order.kind,
            product=OrderedProduct(
                id=order.product_id, title=order.product_title, picture=order.product_picture
            ),
            list_fen=order.list_fen,
            discount_fen=order.discount_fen,
            payable_fen=order.payable_fen,
            campaign_id=order.campaign_id,
            team_id=order.team_id,
            team=seen.team and TeamView.of(seen.team),
            pay_url=pay_url if seen.is_payable else None,
            pay_until=awaited and awaited.expires_at,
            gateway=awaited and awaited.gateway,
            created_at=order.created_at,
            paid_at=order.paid_at,
            ready_at=order.ready_at,
            fulfilled_at=order.fulfilled_at,
            closed_at=order.closed_at,
            refunding_at=order.refunding_at,
            refunded_at=order.refunded_at,
            cancellable=order.is_cancellable,
            refundable=seen.is_refundable,
            timeline=[StepView.of(happened) for happened in timeline(order)],
            delivery=seen.delivery and DeliveryView.of(seen.delivery),
            server_time=server_time,
        )


class OrderPage(BaseModel):
    items: list[OrderView]
    next_cursor: str | None
