"""A product is what the mall sells, at its own list price; the market decides what a team would pay."""

from dataclasses import dataclass

from tuan.kernel.errors import Refusal


class ProductExists(Refusal):
    """There is another product under this id."""

    code = "product_exists"


class ProductOffShelf(Refusal):
    """This product is no longer for sale."""

    code = "product_off_shelf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    id: str  # Also the market's goods id.
    title: str
    subtitle: str
    description: str  # Plain text; an empty line parts two paragraphs.
    pictures: list[str]
    list_fen: int
    is_on_shelf: bool = True  # Off it, nobody sees it in the shop or orders it; old orders keep its name.
