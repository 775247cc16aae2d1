"""A change by cookie is made by our own pages only, and by no page that led a browser to us."""

from urllib.parse import urlsplit

from starlette.requests import Request

from tuan.kernel.errors import Forbidden

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OUR_SITE = frozenset({"same-origin", "none"})


def require_our_own_pages(request: Request, *, public_url: str) -> None:
    """Raises Forbidden for a change that another site made a browser send.

    Browsers say where a request comes from in Sec-Fetch-Site and Origin, and pages cannot write either.
    Who sends neither is no browser, and has no cookie that it was not given.
    """
    if request.method in SAFE:
        return
    if request.headers.get("sec-fetch-site", "none") not in OUR_SITE:
        raise Forbidden
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(origin, request, public_url):
        raise Forbidden


def _is_ours(origin: str, request: Request, public_url: str) -> bool:
    """The address we are known by, or whichever led here: a proxy may have ended the https."""
    public, host = urlsplit(public_url), request.headers.get("host")
    return origin in {f"{public.scheme}://{public.netloc}", f"http://{host}", f"https://{host}"}
