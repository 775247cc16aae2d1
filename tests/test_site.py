"""Shop and console: one page for every address, nothing outside the folder, and nobody else's scripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tuan.site import site


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "goods").mkdir()
    (dist / "index.html").write_text("<title>团</title>")
    (dist / "console").mkdir()
    (dist / "console" / "index.html").write_text("<title>运营后台</title>")
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "assets" / "shop-1a2b.js").write_text("1")
    (dist / "goods" / "9890001-1.svg").write_text("<svg/>")
    (tmp_path / "keys.json").write_text("secret")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site(dist)), base_url="http://shop") as http:
        yield http


@pytest.mark.parametrize(
    "path", ["/", "/p/9890001", "/t/01a2?buy=open", "/orders/261123ABC", "/nowhere/at/all"]
)
async def test_every_address_is_the_one_page(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.text) == (200, "<title>团</title>")
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/teams/01a2", "/console/segments/v1.2"])
async def test_every_address_of_the_console_is_its_page(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert (answer.status_code, answer.text) == (200, "<title>运营后台</title>")
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/nothing.js", "/goods/none.svg", "/goods/..%2F..%2Fkeys.json", "/..%2Fkeys.json",
     "/assets/../../keys.json", "/assets/none.js", "/%2e%2e/keys.json", "/goods/%00.svg"],
)  # fmt: skip
async def test_nothing_outside_the_folder_is_served(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_what_has_its_content_in_its_name_is_kept_for_ever(http: httpx.AsyncClient) -> None:
    asset, picture = await http.get("/assets/shop-1a2b.js"), await http.get("/goods/9890001-1.svg")

    assert "immutable" in asset.headers["cache-control"]
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")


async def test_before_it_is_built_it_says_how_to_build_it(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(site(tmp_path / "none"))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        answer = await http.get("/")

    assert (answer.status_code, "make web" in answer.text) == (503, True)
