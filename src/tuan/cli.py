"""The commands: everything at once, the story that shows it works, and each piece by itself."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.panel import Panel

from tuan.kernel import log
from tuan.kernel.embedded import create_databases, database_url, embedded_postgres
from tuan.kernel.serve import Server, keep_working
from tuan.kernel.service import Service

app = typer.Typer(
    help="Tuan (团): group buying. A market of teams and seats, a small mall, and the trade between them.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
console = Console()
PACKAGE = Path(__file__).parent
HERE = "127.0.0.1"
DATABASES = {"market": "tuan_market", "mall": "tuan_mall", "sandbox": "tuan_sandbox"}

Port = Annotated[int, typer.Option(help="Where to listen.")]
Host = Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")]


@app.command()
def up(
    port: Port = 8080,
    host: Host = HERE,
    data: Annotated[
        Path, typer.Option(help="Holds the database, the generated keys and the log.", file_okay=False)
    ] = Path(".tuan"),
    public_url: Annotated[
        str | None, typer.Option(help="The address browsers and phones use, if it is not this machine's own.")
    ] = None,
    database_server: Annotated[
        str | None,
        typer.Option(
            envvar="TUAN_DATABASE_SERVER",
            help="URL of a PostgreSQL (15 or newer) to use instead of the embedded one, as a user who may"
            " create databases: postgresql://user:password@host/postgres",
        ),
    ] = None,
) -> None:
    """Serve the whole story on one port. Needs no installed service. Ctrl-C stops it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "tuan.log").open("a", buffering=1) as lines:
        log.configure(lines)
        url = (public_url or f"http://{HERE}:{port}").rstrip("/")
        if database_server:
            _up(database_server, url=url, host=host, port=port, data=data)
        else:
            console.print("Starting PostgreSQL …")
            with embedded_postgres(data / "postgres") as server:
                _up(server, url=url, host=host, port=port, data=data)
    console.print("Stopped.")


def _up(server: str, *, url: str, host: str, port: int, data: Path) -> None:
    from tuan import up as whole
    from tuan.keyring import load_or_make

    created = create_databases(server, list(DATABASES.values()))
    databases = {service: created[name] for service, name in DATABASES.items()}
    whole.migrate_all(databases)
    keyring = load_or_make(data / "keys.json")

    async def run() -> None:
        await whole.load_demo(url, databases, keyring)
        parts = whole.build_parts(url, databases, keyring)
        await whole.serve(
            parts, host=host, port=port, announce=lambda: _announce(url, data, keyring.operator_password)
        )

    uvloop.run(run())


def _announce(url: str, data: Path, operator_password: str) -> None:
    console.print(
        Panel.fit(
            f"[bold]Shop[/]       {url}/\n"
            "           to sign in, press 打开模拟手机 under the QR code and pick a follower;\n"
            "           to pay, take any buyer at the cashier: payment password [bold]111111[/]\n"
            f"[bold]Sandbox[/]    {url}/sandbox/\n"
            "           trades, notifies and pushes of the stand-ins\n"
            f"[bold]API docs[/]   {url}/api/mall/docs\n"
            f"           {url}/api/market/docs\n"
            f"           operators sign in as [bold]admin[/] with [bold]{operator_password}[/]\n"
            f"[bold]The story[/]  tuan story --url {url}\n"
            f"[bold]Log[/]        {data / 'tuan.log'}",
            title="Tuan 团 is ready",
            subtitle="Ctrl-C stops it",
        )
    )


@app.command()
def story(
    url: Annotated[str, typer.Option(help="A running server.")] = f"http://{HERE}:8080",
    product: Annotated[str, typer.Option(help="What to buy together.")] = "9890001",
) -> None:
    """Fill a team: its buyers sign in, pay, and are delivered. Exits 0 only if all of it happened."""
    from tuan.story import tell

    raise typer.Exit(asyncio.run(tell(url.rstrip("/"), product, console)))


@app.command()
def openapi(
    into: Annotated[Path, typer.Argument(help="The folder to write market.json and mall.json to.")],
) -> None:
    """Write the OpenAPI documents of the market and the mall."""
    from tuan.openapi import documents

    log.configure(sys.stderr, level=logging.WARNING)
    into.mkdir(parents=True, exist_ok=True)
    for service, text in asyncio.run(documents()).items():
        (into / f"{service}.json").write_text(text)


@app.command()
def audit(
    data: Annotated[Path, typer.Option(help="The folder of a `tuan up`, running or not.")] = Path(".tuan"),
    market: Annotated[
        str | None, typer.Option(envvar="TUAN_MARKET_DATABASE_URL", help="Or the market's database itself,")
    ] = None,
    mall: Annotated[
        str | None, typer.Option(envvar="TUAN_MALL_DATABASE_URL", help="or the mall's, or both.")
    ] = None,
) -> None:
    """Ask every rule about rows that must not exist. Exits 0 only if none does."""
    from tuan.audits import report

    if given := {service: url for service, url in (("market", market), ("mall", mall)) if url}:
        raise typer.Exit(report(given, console))
    if not (data / "postgres").is_dir():
        raise typer.BadParameter(f"{data} holds no database")
    with embedded_postgres(data / "postgres") as server:
        urls = {service: database_url(server, name) for service, name in DATABASES.items()}
        raise typer.Exit(report(urls, console))


def _pieces(name: str, build: Callable[[], Service], *, what: str) -> typer.Typer:
    piece = typer.Typer(
        help=f"{what} Settings come from the environment: TUAN_{name.upper()}_…", no_args_is_help=True
    )

    @piece.command()
    def api(port: Port, host: Host = HERE) -> None:
        """Answer requests."""

        async def run() -> None:
            service = build()
            async with service.opened():
                await Server(service.app, host=host, port=port).serve()

        _run(run())

    @piece.command()
    def worker() -> None:
        """Do the work that is owed."""

        async def run() -> None:
            service = build()
            async with service.opened():
                await keep_working(service.work)

        _run(run())

    @piece.command()
    def migrate(
        database_url: Annotated[str, typer.Option(envvar=f"TUAN_{name.upper()}_DATABASE_URL")],
    ) -> None:
        """Bring the database to the newest revision. Safe to repeat."""
        from tuan.kernel.migrate import upgrade

        upgrade(database_url, PACKAGE / name / "migrations")
        console.print(f"{name}: migrated.")

    return piece


def _run(main: Coroutine[Any, Any, None]) -> None:
    log.configure(sys.stdout, level=logging.INFO)
    uvloop.run(main)


def _market() -> Service:
    from tuan.market.app import build
    from tuan.market.config import MarketSettings

    return build(MarketSettings())


def _mall() -> Service:
    from tuan.mall.app import build
    from tuan.mall.config import MallSettings

    return build(MallSettings())


def _sandbox() -> Service:
    from tuan.sandbox.app import build
    from tuan.sandbox.config import SandboxSettings

    return build(SandboxSettings())


app.add_typer(_pieces("market", _market, what="The market: campaigns, teams, seats."), name="market")
app.add_typer(_pieces("mall", _mall, what="The mall: products, orders, payments."), name="mall")
app.add_typer(_pieces("sandbox", _sandbox, what="Stand-ins for Alipay and WeChat."), name="sandbox")
