"""A product is what the mall sells, at its own list price; the market decides what a team would pay."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    id: str  # Also the market's goods id.
    title: str
    subtitle: str
    description: str  # Plain text; an empty line parts two paragraphs.
    pictures: list[str]
    list_fen: int
