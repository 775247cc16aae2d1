"""The commands of a deployment: all of it on this machine, nginx's configuration, a doctor, an admin."""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.panel import Panel

from tuan import nginx
from tuan.kernel.embedded import create_databases, embedded_postgres
from tuan.kernel.embedded import database_url as url_of_database
from tuan.kernel.ids import new_secret

if TYPE_CHECKING:
    from tuan.mall.config import MallSettings
    from tuan.market.config import MarketSettings

HERE = "127.0.0.1"
SERVICES = ("market", "mall", "sandbox")
console = Console(highlight=False)


def cluster(
    port: Annotated[
        int, typer.Option(help="Where nginx listens for the world; the nine ports after it serve inside.")
    ] = 8080,
    host: Annotated[
        str, typer.Option(help="The address it listens on; 0.0.0.0 lets other machines in.")
    ] = HERE,
    data: Annotated[
        Path,
        typer.Option(help="Holds the database, the keys, the clock, logs and process ids.", file_okay=False),
    ] = Path(".tuan"),
    public_url: Annotated[
        str | None, typer.Option(help="The address browsers and phones use, if it is not this machine's own.")
    ] = None,
    database_server: Annotated[
        str | None,
        typer.Option(
            envvar="TUAN_DATABASE_SERVER",
            help="URL of a PostgreSQL to use instead of the embedded one, as for `tuan up`.",
        ),
    ] = None,
) -> None:
    """Serve the story as it is deployed: nginx, two markets, two malls, workers. Ctrl-C stops it all."""
    url = (public_url or f"http://{HERE}:{port}").rstrip("/")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        console.print("Starting PostgreSQL …")
        server = database_server or stack.enter_context(embedded_postgres(data / "postgres"))
        try:
            _cluster(server, url=url, host=host, port=port, data=data)
        except (nginx.NginxMissing, TimeoutError) as error:
            console.print(str(error))
            raise typer.Exit(1) from error
    console.print("Stopped.")


def _cluster(server: str, *, url: str, host: str, port: int, data: Path) -> None:
    from tuan import up
    from tuan.cluster import Cluster, Ports, run
    from tuan.keyring import load_or_make

    created = create_databases(server, [f"tuan_{service}" for service in SERVICES])
    databases = {service: created[f"tuan_{service}"] for service in SERVICES}
    up.migrate_all(databases)
    keyring = load_or_make(data / "keys.json")
    all_of_it = Cluster(
        ports=Ports(public=port),
        host=host,
        url=url,
        databases=databases,
        keyring=keyring,
        home=data.absolute(),
        demo_clock=data.absolute() / "clock",
    )

    def announce(table: str) -> None:
        rest = f"operators sign in as admin with {keyring.operator_password}\ntuan story --url {url}"
        console.print(
            Panel.fit(f"{url}/\n\n{table}\n\n{rest}", title="Tuan 团 is ready", subtitle="Ctrl-C stops it")
        )

    def say(line: str) -> None:
        console.print(line, soft_wrap=True)

    async def begin() -> None:
        await up.load_demo(all_of_it.inner_url, databases, keyring)
        await run(all_of_it, say=say, announce=announce)

    asyncio.run(begin())


def nginx_conf() -> None:
    """Print nginx's configuration, its places taken from TUAN_OUTER, TUAN_INNER, TUAN_MARKET_1 and so on."""
    print(
        nginx.configuration({name: os.environ[name] for name in nginx.PLACES if name in os.environ}), end=""
    )


def doctor(
    data: Annotated[
        Path,
        typer.Option(help="The folder of a `tuan cluster` or `tuan up` that runs, if no settings are given."),
    ] = Path(".tuan"),
    url: Annotated[str, typer.Option(help="Where that one is served.")] = f"http://{HERE}:8080",
) -> None:
    """Ask what keeps an installation from working. Exits 0 only if nothing does.

    It looks at the services whose settings are in the environment, TUAN_MARKET_… and TUAN_MALL_….
    """
    from pydantic import ValidationError

    from tuan.doctor import examine, questions
    from tuan.mall.config import MallSettings
    from tuan.market.config import MarketSettings

    try:
        market = MarketSettings() if "TUAN_MARKET_DATABASE_URL" in os.environ else None
        mall = MallSettings() if "TUAN_MALL_DATABASE_URL" in os.environ else None
    except ValidationError as error:
        for one in error.errors():
            console.print(f"[red]ill[/]   setting {'.'.join(map(str, one['loc']))}: {one['msg']}")
        raise typer.Exit(1) from error
    if market or mall:
        raise typer.Exit(1 if examine(questions(market, mall, Path()), console) else 0)

    if not (data / "postgres").is_dir():
        raise typer.BadParameter(f"no settings are given, and {data} holds no database")
    with embedded_postgres(data / "postgres") as server:
        market, mall = _settings_in(data, server, url=url.rstrip("/"))
        raise typer.Exit(1 if examine(questions(market, mall, data), console) else 0)


def _settings_in(data: Path, server: str, *, url: str) -> "tuple[MarketSettings, MallSettings]":
    from tuan.cluster import Ports
    from tuan.keyring import load_or_make
    from tuan.up import settings_for

    inner = f"http://{HERE}:{Ports(public=urlsplit(url).port or 80).inner}"
    market, mall, _ = settings_for(
        url,
        {service: url_of_database(server, f"tuan_{service}") for service in SERVICES},
        load_or_make(data / "keys.json"),
        inner_url=inner if (data / "run" / "nginx.pid").exists() else None,
    )
    return market, mall


def operator(
    name: Annotated[str, typer.Argument(help="How they sign in.")],
    database_url: Annotated[str, typer.Option(envvar="TUAN_MARKET_DATABASE_URL")],
) -> None:
    """Appoint an admin, who appoints all others at the console, and print their password."""
    from tuan.kernel.database_clock import time_at
    from tuan.kernel.db import build_pool
    from tuan.market.operator import NameTaken, Role
    from tuan.market.sign_in import create_operator

    password = new_secret()

    async def appoint() -> None:
        async with build_pool(database_url, size=1) as pool:
            now = time_at(database_url)
            await create_operator(pool, name=name, password=password, role=Role.ADMIN, now=now)

    try:
        asyncio.run(appoint())
    except NameTaken as taken:
        console.print(f"{name}: {taken}")
        raise typer.Exit(1) from taken
    console.print(f"{name} signs in with {password}", soft_wrap=True)
