"""The few pages that are ours and not the shop's: no file but itself, no script but its own, never kept."""

import secrets

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, Response

PAGES = Environment(loader=PackageLoader("tuan.mall", "pages"), autoescape=True)


def page(name: str, status: int, *, form_actions: tuple[str, ...] = ("'none'",), **shown: object) -> Response:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self';"
        f" form-action {' '.join(form_actions)}; base-uri 'none'; frame-ancestors 'none'"
    )
    html = PAGES.get_template(name).render(nonce=nonce, **shown)
    return HTMLResponse(html, status, {"content-security-policy": policy, "cache-control": "no-store"})
