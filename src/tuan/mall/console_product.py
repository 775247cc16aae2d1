"""Products over HTTP: looked at, added, rewritten, put on the shelf and taken off."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from tuan.kernel.db import transaction
from tuan.kernel.errors import NotFound
from tuan.kernel.money import FEN_MAX
from tuan.kernel.shapes import NO_CONTROL, PAGE, AnyReason, Limit, Name, cut
from tuan.kernel.sorting import Sort, SortedCursor
from tuan.kernel.web import Body, Id
from tuan.mall import assortment, store_product
from tuan.mall.console_guard import Looker, Seller, deed_of
from tuan.mall.product import Product
from tuan.mall.store_product import ASSORTMENT
from tuan.mall.visitor import Here

Text = Annotated[str | None, Query(min_length=1, max_length=80, pattern=NO_CONTROL)]
Subtitle = Annotated[str, StringConstraints(strip_whitespace=True, max_length=160, pattern=NO_CONTROL)]
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=10_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")
]
# On our own site: the shop's pages load pictures from nowhere else.
Picture = Annotated[str, StringConstraints(max_length=200, pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$")]
Pictures = Annotated[list[Picture], Field(min_length=1, max_length=20)]
Price = Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)]


class ProductRecordView(BaseModel):
    id: str
    title: str
    subtitle: str
    description: str
    pictures: list[str]
    list_fen: int
    is_on_shelf: bool

    @classmethod
    def of(cls, product: Product) -> Self:
        return cls(
            id=product.id,
            title=product.title,
            subtitle=product.subtitle,
            description=product.description,
            pictures=product.pictures,
            list_fen=product.list_fen,
            is_on_shelf=product.is_on_shelf,
        )


class ProductRecordPage(BaseModel):
    items: list[ProductRecordView]
    next_cursor: str | None


class ProductBody(Body):
    title: Name
    subtitle: Subtitle
    description: Description
    pictures: Pictures
    list_fen: Price
    reason: AnyReason = ""

    def product(self, product_id: str) -> Product:
        return Product(
            id=product_id,
            title=self.title,
            subtitle=self.subtitle,
            description=self.description,
            pictures=self.pictures,
            list_fen=self.list_fen,
            is_on_shelf=False,
        )


class NewProductBody(ProductBody):
    id: Id


class ShelfBody(Body):
    is_on_shelf: bool
    reason: AnyReason = ""


router = APIRouter()


@router.get("/products")
async def list_all_products(
    doors: Here,
    _: Looker,
    is_on_shelf: bool | None = None,
    text: Text = None,
    sort: Sort = "id",
    cursor: SortedCursor = None,
    limit: Limit = PAGE,
) -> ProductRecordPage:
    """By `id`, `title` or `price`, also those off the shelf; `text` is part of a title, or an id."""
    turn = ASSORTMENT.turn(sort, cursor)
    async with transaction(doors.console_pool) as connection:
        rows = await store_product.assortment(
            connection, turn, is_on_shelf=is_on_shelf, text=text, limit=limit + 1
        )
    page, last = cut(rows, limit)
    return ProductRecordPage(
        items=[ProductRecordView.of(product) for product in page],
        next_cursor=ASSORTMENT.cursor(sort, last) if last else None,
    )


@router.get("/products/{product_id}")
async def read_any_product(product_id: Id, doors: Here, _: Looker) -> ProductRecordView:
    async with transaction(doors.console_pool) as connection:
        product = await store_product.find(connection, product_id)
    if product is None:
        raise NotFound("There is no such product.")
    return ProductRecordView.of(product)


@router.post("/products", status_code=201)
async def add_product(body: NewProductBody, doors: Here, operator: Seller) -> ProductRecordView:
    """Off the shelf at first. Its id is also the market's goods id."""
    deed = deed_of(operator, doors, reason=body.reason)
    return ProductRecordView.of(
        await assortment.add_product(doors.console_pool, body.product(body.id), deed=deed)
    )


@router.put("/products/{product_id}")
async def change_product(
    product_id: Id, body: ProductBody, doors: Here, operator: Seller
) -> ProductRecordView:
    """Counts for orders from now on. A group price shows while the market lists the goods at it."""
    deed = deed_of(operator, doors, reason=body.reason)
    return ProductRecordView.of(
        await assortment.rewrite_product(doors.console_pool, body.product(product_id), deed=deed)
    )


@router.put("/products/{product_id}/shelf")
async def shelve_product(product_id: Id, body: ShelfBody, doors: Here, operator: Seller) -> ProductRecordView:
    """Off the shelf, the shop hides it and takes no order for it; what was ordered is still delivered."""
    deed = deed_of(operator, doors, reason=body.reason)
    return ProductRecordView.of(
        await assortment.shelve_product(
            doors.console_pool, product_id, is_on_shelf=body.is_on_shelf, deed=deed
        )
    )
