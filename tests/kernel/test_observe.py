"""Around every request: its id, its limit, its headers."""

import json
from collections.abc import AsyncIterator
from io import StringIO

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.types import ASGIApp

from tuan.kernel import log
from tuan.kernel.errors import Overloaded
from tuan.kernel.observe import Observed
from tuan.kernel.web import Body, build_fastapi


class Word(Body):
    word: str


def an_app() -> ASGIApp:
    api = build_fastapi("echo")

    @api.post("/echo")
    async def echo(body: Word) -> Word:
        return body

    @api.post("/rooms/{room}/echo")
    async def echo_in(room: str, body: Word) -> Word:
        return body

    @api.get("/busy")
    async def busy() -> None:
        raise Overloaded

    @api.get("/broken")
    async def broken(request: Request) -> None:
        raise ValueError("the secret of the house")

    larger = {("POST", "/rooms/{room}/echo"): 100_000}
    return Observed(api, service="echo", registry=CollectorRegistry(), larger=larger)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://echo") as http:
        yield http


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a-request-1", True), ("short", False), ("x" * 65, False), ("new\tline-here", False), ("", False)],
)
async def test_a_request_id_is_kept_when_it_is_one(http: httpx.AsyncClient, given: str, kept: bool) -> None:
    answer = await http.post("/echo", json={"word": "hi"}, headers={"x-request-id": given})

    assert (answer.headers["x-request-id"] == given) is kept
    assert len(answer.headers["x-request-id"]) >= 8


async def test_every_answer_keeps_browsers_honest(http: httpx.AsyncClient) -> None:
    for answer in (await http.post("/echo", json={"word": "hi"}), await http.get("/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"word":"hi","price_fen":1}', 422, "invalid_request"),
        (b'{"word":1}', 422, "invalid_request"),
        (b"[" * 10_000, 422, "invalid_request"),
        (b"\xff", 422, "invalid_request"),
        (b" " * 65_537, 413, "body_too_large"),
    ],
)
async def test_a_refusal_is_a_problem_document(
    http: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    answer = await http.post("/echo", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "bytes_sent", "status"),
    [
        ("POST", "/rooms/1/echo", 99_000, 200),
        ("POST", "/rooms/1/echo", 101_000, 413),
        ("PUT", "/rooms/1/echo", 99_000, 413),
        ("POST", "/rooms/1/echo/", 99_000, 413),
        ("POST", "/echo", 99_000, 413),
    ],
)
async def test_only_a_route_that_says_so_takes_more(
    http: httpx.AsyncClient, method: str, path: str, bytes_sent: int, status: int
) -> None:
    content = b'{"word":"' + b"x" * bytes_sent + b'"}'
    answer = await http.request(method, path, content=content, headers={"content-type": "application/json"})

    assert answer.status_code == status


async def test_who_is_told_to_come_back_is_told_when(http: httpx.AsyncClient) -> None:
    answer = await http.get("/busy")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_our_own_mistake_tells_the_caller_nothing_and_the_log_all() -> None:
    lines, before = StringIO(), structlog.get_config()
    log.configure(lines)
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://echo") as http:
            answer = await http.get("/broken", headers={"x-request-id": "find-me-again"})
    finally:
        structlog.configure(**before)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert {line["request_id"] for line in logged} == {"find-me-again"}
    assert any("the secret of the house" in line.get("exception", "") for line in logged)
