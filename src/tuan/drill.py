"""Rehearsals of what one hopes never to need: each ends with a line of figures, and 0 if all came well."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tuan.kernel import log
from tuan.kernel.embedded import embedded_postgres

drills = typer.Typer(help="Rehearsals, on this machine and with stand-ins for the gateways.")
console = Console(highlight=False)


@drills.callback()
def _drills() -> None:
    """So that a drill is asked for by its name, though there is one."""


@drills.command()
def restore(
    data: Annotated[
        Path | None,
        typer.Option(help="A folder to keep it all in, to look at; otherwise one that is removed."),
    ] = None,
) -> None:
    """Trade, back up, trade on, lose both databases, restore them, and make good what the backup lacks."""
    from tuan.rehearsal import rehearse

    log.configure(sys.stderr, level=log.LogLevel.WARNING.number)
    with ExitStack() as stack:
        home = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tuan-drill-")))
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711)  # The way down is open to the user that PostgreSQL runs as.
        server = stack.enter_context(embedded_postgres(home / "postgres"))
        broken = rehearse(server, home, console)
    raise typer.Exit(1 if broken else 0)
