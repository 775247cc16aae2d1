"""The sandbox's own pages: plain Chinese HTML that works without script and loads nothing from elsewhere."""

import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tuan.kernel.clock import beijing_text
from tuan.kernel.errors import Refusal
from tuan.kernel.money import yuan_text
from tuan.kernel.web import refused

# Chromium holds a form to its policy through redirects too, and the public address may differ from
# the one this browser came by.
POLICY: Final = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:;"
    " form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'"
)


class Pages:
    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._templates = Environment(
            loader=PackageLoader("tuan.sandbox"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"yuan": yuan_text, "beijing": beijing_text, "span": span_text}
        self._templates.globals["link"] = self.link

    def link(self, path: str) -> str:
        return self._public_url + path

    def render(self, template: str, *, status: int = 200, **context: object) -> Response:
        nonce = secrets.token_urlsafe(16)
        html = self._templates.get_template(template).render(nonce=nonce, **context)
        headers = {
            "content-security-policy": POLICY.format(nonce=nonce, origin=self._origin),
            "cache-control": "no-store",
        }
        return HTMLResponse(html, status, headers)

    def gateway_error(self, code: str, reason: str) -> Response:
        """How Alipay turns a browser away: a page, and like the real one with status 200."""
        return self.render("gateway_error.html", code=code, reason=reason)

    def refused(self, request: Request, error: Exception) -> Response:
        """A page for people, a problem document for programs."""
        if not isinstance(error, Refusal) or not wants_page(request):
            return refused(request, error)
        return self.render("refused.html", status=error.status, reason=str(error))


def span_text(span: timedelta) -> str:
    """1 天 2 小时 3 分 4 秒, without what is nothing."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "天"), (hours, "小时"), (minutes, "分"), (seconds, "秒"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def wants_page(request: Request) -> bool:
    return "application/json" not in request.headers.get("accept", "")
