"""The built pages: each address of the shop, or of the console, is its one page, which loads only our own."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

DIST = Path(__file__).parents[2] / "web" / "dist"
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
NOT_BUILT = (
    "<!doctype html><meta charset=utf-8><title>Tuan</title><p>Build the pages first: <code>make web</code>."
)


def site(dist: Path = DIST) -> ASGIApp:
    index = dist / "index.html"

    async def page(request: Request) -> Response:
        if "." in request.url.path.rsplit("/", 1)[-1]:
            raise HTTPException(404)
        return _page(index)

    async def console(_: Request) -> Response:
        return _page(dist / "console" / "index.html")

    async def goods(request: Request) -> Response:
        return _file(dist / "goods", request.path_params["name"])

    async def top(request: Request) -> Response:
        name = request.path_params["name"]
        return _file(dist, name) if "." in name else await page(request)

    routes = [
        Mount("/assets", _Hashed(directory=dist / "assets", check_dir=False)),
        Route("/goods/{name}", goods),
        Route("/console", console),
        Route("/console/{path:path}", console),  # Ids in addresses may have dots.
        Route("/{name}", top),
        Route("/{path:path}", page),
    ]
    return Starlette(routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=1_000)])


class _Hashed(StaticFiles):
    """Files whose names change with their content may be kept for ever."""

    def file_response(self, *args: object, **settings: object) -> Response:
        response = super().file_response(*args, **settings)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        response.headers["x-content-type-options"] = "nosniff"
        return response


def _page(index: Path) -> Response:
    if not index.exists():
        return HTMLResponse(NOT_BUILT, 503)
    return FileResponse(index, headers=HEADERS | {"cache-control": "no-cache"})


def _file(folder: Path, name: str) -> Response:
    if "\0" in name:
        raise HTTPException(404)
    path = (folder / name).resolve()
    if path.parent != folder.resolve() or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers=HEADERS | {"cache-control": "public, max-age=3600"})
