"""Two API processes behind nginx, beside one asked directly: where cores are to spare, almost twice."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Plan, in_turns
from bench.locks import puts
from bench.market import Market, api, await_ready, free_port, stop
from bench.report import Figure, figure

NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    upstream market {{ {servers} keepalive 64; }}
    server {{
        listen 127.0.0.1:{port}; keepalive_requests 1000000;
        location / {{ proxy_pass http://market; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


def two_backends(market: Market, plan: Plan) -> Figure:
    bad = []

    def rate(of: Market) -> float:
        asked = puts("lock_spread", of, seconds=plan.seconds)
        bad.append(asked.bad)
        return asked.rate

    with (
        tempfile.TemporaryDirectory(prefix="tuan-bench-") as home,
        api(market.url, Path(home, "second.log")) as second,
        nginx(Path(home), market, second) as both,
    ):
        pairs = in_turns(plan, lambda: rate(both), lambda: rate(market))
    return figure(pairs, bad=sum(bad))


@contextmanager
def nginx(home: Path, *markets: Market) -> Iterator[Market]:
    """In front of them, turn by turn."""
    home.chmod(0o777)
    port, file = free_port(), home / "nginx.conf"
    servers = " ".join(f"server {one.address.removeprefix('http://')};" for one in markets)
    file.write_text(NGINX.format(home=home, servers=servers, port=port))
    process = subprocess.Popen(["nginx", "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        await_ready(f"http://127.0.0.1:{port}/readyz")
        yield Market(markets[0].url, f"http://127.0.0.1:{port}", process.pid)
    finally:
        stop(process)
