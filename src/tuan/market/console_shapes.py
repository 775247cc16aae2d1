"""Where the market's console routes are, and the shapes they share with every console."""

from tuan.kernel.shapes import (
    NO_CONTROL,
    PAGE,
    AnyReason,
    Limit,
    Moment,
    Name,
    Reason,
    ReasonBody,
    cut,
)

__all__ = [
    "NO_CONTROL",
    "PAGE",
    "AnyReason",
    "Limit",
    "Moment",
    "Name",
    "Reason",
    "ReasonBody",
    "cut",
]

CONSOLE = "/console/v1"
