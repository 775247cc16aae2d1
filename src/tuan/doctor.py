"""What keeps an installation from working: each question a line, with what to do where the answer is bad."""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import psycopg
from rich.console import Console

from tuan.kernel import rsa
from tuan.kernel.clock import utc_now
from tuan.kernel.database_clock import time_at
from tuan.kernel.db import (
    LIMITS_THERE,
    WHO_ANSWERS,
    PoolerBetween,
    Unlimited,
    require_limits,
    require_no_pooler,
)
from tuan.kernel.revision import is_at_head
from tuan.mall.config import MallSettings
from tuan.market.config import MarketSettings

PACKAGE: Final = Path(__file__).parent
SERVER_MIN: Final = 150_000
CLOCKS_APART_SECONDS: Final = 2.0
FREE_MIN_BYTES: Final = 2 * 1024**3
HTTP: Final = httpx.Timeout(5.0)
AMQP_PORT: Final = 5672
METHOD_FRAME: Final = b"\x01"


class Ill(Exception):
    """What is wrong; and, as the second argument, what to do."""


@dataclass(frozen=True, kw_only=True)
class Question:
    about: str
    ask: Callable[[], str]  # What is well. Raises Ill.


def examine(questions: Iterator[Question], console: Console) -> int:
    """Prints a line for each. Returns how many are answered badly."""
    bad = 0
    for question in questions:
        try:
            console.print(f"[green]well[/]  {question.about}: {question.ask()}", soft_wrap=True)
        except Ill as ill:
            bad += 1
            wrong, cure = ill.args
            console.print(f"[red]ill[/]   {question.about}: {wrong}", soft_wrap=True)
            console.print(f"      → {cure}", soft_wrap=True)
    return bad


def questions(market: MarketSettings | None, mall: MallSettings | None, folder: Path) -> Iterator[Question]:
    """Of the services whose settings are given; `folder` is on the disk that must not fill."""
    for service, settings in (("market", market), ("mall", mall)):
        if settings:
            yield from _of_database(service, settings.database_url)
            if pooler := settings.pooler_url:
                yield Question(about=f"{service}'s pooler", ask=partial(_limits, pooler))
    if mall:
        yield from _of_keys(mall)
        yield Question(about="market", ask=lambda: _knows_our_key(mall))
        for name, url in _gateways(mall):
            yield Question(about=f"{name} is reached", ask=partial(_reached, url))
        yield Question(about="gateways reach us", ask=lambda: _is_public(mall.public_url))
    for service, given in (("market", market), ("mall", mall)):
        if given and (url := given.rabbit_url.get_secret_value()):
            yield Question(about=f"{service}'s broker", ask=partial(_speaks, url))
    yield Question(about="disk", ask=lambda: _has_room(folder))


def _of_database(service: str, url: str) -> Iterator[Question]:
    yield Question(about=f"{service}'s database", ask=lambda: _answers(service, url))
    yield Question(about=f"{service}'s tables", ask=lambda: _is_migrated(service, url))
    yield Question(about=f"{service}'s clock", ask=lambda: _keeps_time(url))


def _answers(service: str, url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
            [(pid,)] = connection.execute(WHO_ANSWERS).fetchall()
            require_no_pooler(connection, pid)
    except PoolerBetween as error:
        raise Ill("a pooler answers in PostgreSQL's place", str(error)) from error
    except psycopg.OperationalError as error:
        cure = f"start PostgreSQL, or correct TUAN_{service.upper()}_DATABASE_URL"
        raise Ill(str(error).strip().splitlines()[-1], cure) from error
    if version < SERVER_MIN:
        raise Ill(f"PostgreSQL {version // 10_000}", "use PostgreSQL 15 or newer")
    return f"PostgreSQL {version // 10_000}"


def _limits(pooler: str) -> str:
    try:
        with psycopg.connect(pooler, connect_timeout=5, prepare_threshold=None) as connection:
            [limits] = connection.execute(LIMITS_THERE).fetchall()
            require_limits(limits)
    except Unlimited as error:
        raise Ill("it lends sessions without our limits", str(error)) from error
    except psycopg.OperationalError as error:
        raise Ill(
            str(error).strip().splitlines()[-1], "start PgBouncer, see deploy/ha/pgbouncer.ini"
        ) from error
    return "lends sessions with our limits"


def _is_migrated(service: str, url: str) -> str:
    try:
        if is_at_head(url, PACKAGE / service / "migrations"):
            return "at the newest revision"
    except psycopg.OperationalError as error:
        raise Ill("unknown, for the database is away", "see above") from error
    raise Ill("not at the newest revision", f"tuan {service} migrate")


def _keeps_time(url: str) -> str:
    try:
        apart = abs((time_at(url) - utc_now()).total_seconds())
    except psycopg.OperationalError as error:
        raise Ill("unknown, for the database is away", "see above") from error
    if apart > CLOCKS_APART_SECONDS:
        raise Ill(
            f"this machine and the database are {apart:.1f} s apart", "let NTP set both: timedatectl status"
        )
    return "this machine's and the database's agree"


def _of_keys(mall: MallSettings) -> Iterator[Question]:
    if alipay := mall.alipay:
        secret = alipay.private_key.get_secret_value()
        yield Question(
            about="alipay's keys",
            ask=lambda: _two_keys("TUAN_MALL_ALIPAY", secret, alipay.public_key),
        )
    if wechatpay := mall.wechatpay:
        own = wechatpay.private_key.get_secret_value()
        yield Question(
            about="wechatpay's keys",
            ask=lambda: _two_keys("TUAN_MALL_WECHATPAY", own, wechatpay.public_key),
        )


def _two_keys(prefix: str, private_key: str, public_key: str | None) -> str:
    """The public key is the gateway's, and not the other half of ours: the most frequent mistake of all."""
    try:
        own = rsa.public_pem(rsa.load_private_key(private_key).public_key())
    except ValueError as error:
        raise Ill(
            "the private key is none", f"{prefix}_PRIVATE_KEY: PKCS#1 or PKCS#8, PEM or base64"
        ) from error
    if public_key is None:
        return "ours is a key; theirs are fetched"
    try:
        theirs = rsa.public_pem(rsa.load_public_key(public_key))
    except ValueError as error:
        raise Ill("the public key is none", f"{prefix}_PUBLIC_KEY: PEM or base64") from error
    if theirs == own:
        raise Ill(
            "the public key is our own", f"{prefix}_PUBLIC_KEY is the gateway's: copy it from its console"
        )
    return "ours and theirs"


def _knows_our_key(mall: MallSettings) -> str:
    key = {"authorization": f"Bearer {mall.market_api_key.get_secret_value()}"}
    status = _status(f"{mall.market_url.rstrip('/')}/v1/teams?limit=1", key)
    if status == 401:
        raise Ill("it does not know our key", "issue one in the console, and set TUAN_MALL_MARKET_API_KEY")
    if status != 200:
        raise Ill(
            f"{mall.market_url} answers {status}",
            "TUAN_MALL_MARKET_URL: the inner door, never the public one",
        )
    return "it answers, and knows our key"


def _gateways(mall: MallSettings) -> Iterator[tuple[str, str]]:
    if mall.alipay:
        yield "alipay", mall.alipay.gateway_url
    if mall.wechatpay:
        yield "wechatpay", mall.wechatpay.api_url
    yield "wechat", mall.wechat_api_url


def _reached(url: str) -> str:
    return f"{urlsplit(url).netloc} answers {_status(url)}"


def _speaks(url: str) -> str:
    """AMQP: whoever greets is greeted."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or AMQP_PORT
    try:
        with socket.create_connection((host, port), HTTP.connect) as line:
            line.settimeout(HTTP.read)
            line.sendall(b"AMQP\x00\x00\x09\x01")
            greeted = line.recv(1)
    except OSError as error:
        raise Ill(
            f"{host}:{port} does not answer: {error}", "start RabbitMQ, or correct …_RABBIT_URL"
        ) from error
    if greeted != METHOD_FRAME:
        raise Ill(f"{host}:{port} does not speak AMQP 0-9-1", "correct …_RABBIT_URL")
    return f"{host}:{port} speaks AMQP"


def _is_public(public_url: str) -> str:
    """As far as can be told from inside: the address is one of the world's, and the mall is what is there."""
    status = _status(f"{public_url.rstrip('/')}/v1/settings")
    if status != 200:
        raise Ill(f"{public_url} answers {status}", "TUAN_MALL_PUBLIC_URL: where nginx serves /api/mall")
    host = urlsplit(public_url).hostname or ""
    if host == "localhost" or not _may_be_public(host):
        return f"only on this network: {host} is for stand-ins, no gateway finds it"
    if not public_url.startswith("https:"):
        raise Ill(
            f"{public_url} is not https", "end TLS at nginx or before it; gateways and WeChat demand it"
        )
    return public_url


def _may_be_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return True


def _status(url: str, headers: dict[str, str] | None = None) -> int:
    try:
        return httpx.get(url, headers=headers, timeout=HTTP, trust_env=False).status_code
    except httpx.HTTPError as error:
        raise Ill(
            f"{url} does not answer: {error}", "is it up, and does a firewall stand between?"
        ) from error


def _has_room(folder: Path) -> str:
    disk = shutil.disk_usage(folder)
    if disk.free < FREE_MIN_BYTES or disk.free < disk.total / 20:
        raise Ill(f"{disk.free / 1024**3:.1f} GB left", "see 'The database is full' in docs/runbook.md")
    return f"{disk.free / 1024**3:.0f} GB left"
