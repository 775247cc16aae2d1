"""A code to be scanned, drawn here: no other host is asked for it."""

from functools import lru_cache

import segno


@lru_cache(maxsize=256)  # The same code is asked for every second while it is shown.
def qr_svg(url: str) -> str:
    svg: str = segno.make(url, error="m").svg_inline(border=2, omitsize=True)
    return svg
