"""The commands: everything at once, the story that shows it works, and each piece by itself."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from prometheus_client import start_http_server
from rich.console import Console
from rich.panel import Panel

from tuan import deployed
from tuan.drill import drills
from tuan.kernel import log
from tuan.kernel.database_clock import time_at
from tuan.kernel.demo_clock import DemoClock
from tuan.kernel.embedded import create_databases, database_url, embedded_postgres
from tuan.kernel.serve import Proxy, answer, work_until_told
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
CLOCK = "clock"  # In the data folder: how far the demonstration's clock was moved ahead.
DATABASES = {"market": "tuan_market", "mall": "tuan_mall", "sandbox": "tuan_sandbox"}

Port = Annotated[int, typer.Option(help="Where to listen.")]
LogLevel = Annotated[log.LogLevel, typer.Option(envvar="TUAN_LOG_LEVEL", help="How much to tell.")]
Host = Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")]
Behind = Annotated[
    str,
    typer.Option(
        envvar="TUAN_BEHIND",
        help="Addresses of the proxy in front, as 127.0.0.1,10.1.0.0/16: its X-Forwarded-For is believed, and"
        " SIGTERM first takes leave of it.",
    ),
]
MetricsPort = Annotated[int | None, typer.Option(help="Where Prometheus finds what this process counted.")]
Under = Annotated[str, typer.Option(help="The part of each path that the proxy takes off.")]


@app.command()
def up(
    port: Port = 8080,
    host: Host = HERE,
    data: Annotated[
        Path,
        typer.Option(help="Holds the database, the generated keys, the clock and the log.", file_okay=False),
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
    behind: Behind = "",
    log_level: LogLevel = log.LogLevel.INFO,
) -> None:
    """Serve the whole story on one port. Needs no installed service. Ctrl-C stops it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "tuan.log").open("a", buffering=1) as lines:
        log.configure(lines, level=log_level.number)
        url = (public_url or f"http://{HERE}:{port}").rstrip("/")
        if database_server:
            _up(database_server, url=url, host=host, port=port, behind=behind, data=data)
        else:
            console.print("Starting PostgreSQL …")
            with embedded_postgres(data / "postgres") as server:
                _up(server, url=url, host=host, port=port, behind=behind, data=data)
    console.print("Stopped.")


def _up(server: str, *, url: str, host: str, port: int, behind: str, data: Path) -> None:
    from tuan import up as whole
    from tuan.keyring import load_or_make

    created = create_databases(server, list(DATABASES.values()))
    databases = {service: created[name] for service, name in DATABASES.items()}
    whole.migrate_all(databases)
    keyring = load_or_make(data / "keys.json")

    async def run() -> None:
        await whole.load_demo(url, databases, keyring)
        parts = whole.build_parts(url, databases, keyring, demo_clock=data / CLOCK)
        announce, proxy = partial(_announce, url, data, keyring.operator_password), Proxy(addresses=behind)
        await whole.serve(parts, host=host, port=port, proxy=proxy, announce=announce)

    uvloop.run(run())


def _announce(url: str, data: Path, operator_password: str) -> None:
    console.print(
        Panel.fit(
            f"[bold]Shop[/]       {url}/\n"
            "           to sign in, press 打开模拟手机 under the QR code and pick a follower;\n"
            "           to pay, take any buyer at the cashier: payment password [bold]111111[/]\n"
            f"[bold]Sandbox[/]    {url}/sandbox/\n"
            "           trades, notifies and pushes of the stand-ins; trouble to order, and a clock to move\n"
            f"[bold]Console[/]    {url}/console/\n"
            f"           sign in as [bold]admin[/] with [bold]{operator_password}[/]\n"
            f"[bold]API docs[/]   {url}/api/mall/docs\n"
            f"           {url}/api/market/docs\n"
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
    failing: Annotated[
        bool, typer.Option("--failing", help="Let the team fall one short, and move the clock past its end.")
    ] = False,
) -> None:
    """Fill a team: its buyers sign in, pay, and are delivered; or, failing, have every fen back.

    Exits 0 only if all of it happened.
    """
    from tuan.story import TEAM_FORMS, tell
    from tuan.story_failing import TEAM_FAILS

    plot = TEAM_FAILS if failing else TEAM_FORMS
    raise typer.Exit(asyncio.run(tell(url.rstrip("/"), product, console, plot=plot)))


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
        str | None, typer.Option(envvar="TUAN_MALL_DATABASE_URL", help="or the mall's, or both;")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(envvar="TUAN_SANDBOX_DATABASE_URL", help="and the sandbox's, as the mall's witness."),
    ] = None,
) -> None:
    """Ask every rule about rows that must not exist. Exits 0 only if none does."""
    from tuan.audits import report

    given = {service: url for service, url in zip(DATABASES, (market, mall, sandbox), strict=True) if url}
    if given:
        raise typer.Exit(report(given, console))
    if not (data / "postgres").is_dir():
        raise typer.BadParameter(f"{data} holds no database")
    with embedded_postgres(data / "postgres") as server:
        urls = {service: database_url(server, name) for service, name in DATABASES.items()}
        clock = DemoClock(data / CLOCK, partial(time_at, urls["mall"]))
        raise typer.Exit(report(urls, console, clock=clock))


def _pieces(name: str, build: Callable[[], Service], *, what: str) -> typer.Typer:
    piece = typer.Typer(
        help=f"{what} Settings come from the environment: TUAN_{name.upper()}_…", no_args_is_help=True
    )

    @piece.command()
    def api(
        port: Port,
        host: Host = HERE,
        behind: Behind = "",
        under: Under = "",
        log_level: LogLevel = log.LogLevel.INFO,
    ) -> None:
        """Answer requests."""

        async def run() -> None:
            await answer(build(), host=host, port=port, proxy=Proxy(addresses=behind, under=under))

        _run(run(), log_level)

    @piece.command()
    def worker(
        metrics_port: MetricsPort = None, host: Host = HERE, log_level: LogLevel = log.LogLevel.INFO
    ) -> None:
        """Do the work that is owed."""

        async def run() -> None:
            service = build()
            if metrics_port:
                start_http_server(metrics_port, addr=host, registry=service.registry)
            async with service.opened():
                await work_until_told(service.work)

        _run(run(), log_level)

    @piece.command()
    def migrate(
        database_url: Annotated[str, typer.Option(envvar=f"TUAN_{name.upper()}_DATABASE_URL")],
    ) -> None:
        """Bring the database to the newest revision. Safe to repeat."""
        from tuan.kernel.migrate import upgrade

        upgrade(database_url, PACKAGE / name / "migrations")
        console.print(f"{name}: migrated.")

    return piece


def _reconcile(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day of Beijing that is over.")],
    gateway: Annotated[str, typer.Option(help="Whose bill.")] = "alipay",
) -> None:
    """Hold a gateway's bill of a day against the books. Exits 0 only if nothing differs."""
    from tuan.kernel.errors import Refusal
    from tuan.mall.app import reconcile_once
    from tuan.mall.config import MallSettings

    log.configure(sys.stderr, level=logging.WARNING)
    try:
        run, left = asyncio.run(reconcile_once(MallSettings(), gateway=gateway, day=day.date()))
    except Refusal as refusal:
        console.print(f"{gateway} {day.date()}: {refusal}")
        raise typer.Exit(2) from refusal
    console.print(
        f"{gateway} {run.day}: lines {run.lines}, breaks {run.breaks_found}, open {run.breaks_open}"
    )
    for one in left:
        console.print(
            f"  {one.kind} {one.about}: ours {one.ours_fen}, ledger {one.ledger_fen}, bill {one.bill_fen} fen"
        )
    raise typer.Exit(1 if run.breaks_open else 0)


def _run(main: Coroutine[Any, Any, None], log_level: log.LogLevel) -> None:
    log.configure(sys.stdout, level=log_level.number)
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


app.command()(deployed.cluster)
app.command("nginx")(deployed.nginx_conf)
app.command()(deployed.doctor)
app.add_typer(drills, name="drill")
market_piece = _pieces("market", _market, what="The market: campaigns, teams, seats.")
market_piece.command()(deployed.operator)
app.add_typer(market_piece, name="market")
mall_piece = _pieces("mall", _mall, what="The mall: products, orders, payments.")
mall_piece.command("reconcile")(_reconcile)
app.add_typer(mall_piece, name="mall")
app.add_typer(_pieces("sandbox", _sandbox, what="Stand-ins for Alipay and WeChat."), name="sandbox")
