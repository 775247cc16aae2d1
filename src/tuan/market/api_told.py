"""What was answered to a quote is kept: it is the same for everybody in the same of its segments, for as
long as the listing is this one."""

import msgspec

from tuan.market.campaign import Listing
from tuan.market.quote import Quote
from tuan.market.team import ListingKey
from tuan.market.views import QuoteView

KEPT_MAX = 200_000  # Some 180 MB, where so many are asked for: as many as the catalog keeps listings.


class QuotesTold:
    def __init__(self) -> None:
        self._kept: dict[tuple[ListingKey, bool, bool], tuple[Listing, msgspec.Raw]] = {}

    def answer(self, quote: Quote) -> msgspec.Raw:
        """A QuoteView, as JSON."""
        key = (quote.listing.key, quote.in_audience, quote.in_segment)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is quote.listing:
            return kept[1]
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        answer = msgspec.Raw(msgspec.json.encode(QuoteView.of(quote)))
        self._kept[key] = quote.listing, answer
        return answer
