"""Two API processes behind nginx, beside one asked directly: where cores are to spare, almost twice."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
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
    proxy_http_version 1.1; proxy_buffering off;
    proxy_set_header Connection ""; proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    {upstreams}
    server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000; {locations} }}
}}
"""
UPSTREAM = "upstream {name} {{ {servers} keepalive 64; }}"
PATHS = {"market": "/api/market/", "mall": "/api/mall/", "sandbox": "/sandbox/"}


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
        pairs = in_turns(plan.pairs, lambda: rate(both), lambda: rate(market))
    return figure(pairs, bad=sum(bad))


@contextmanager
def nginx(home: Path, *markets: Market) -> Iterator[Market]:
    """In front of them, turn by turn."""
    port = free_port()
    servers = " ".join(f"server {one.address.removeprefix('http://')};" for one in markets)
    upstream = UPSTREAM.format(name="market", servers=servers)
    with _serving(home, port, upstream, "location / { proxy_pass http://market; }") as pid:
        await_ready(f"http://127.0.0.1:{port}/readyz")
        yield Market(markets[0].url, f"http://127.0.0.1:{port}", pid)


@contextmanager
def front(home: Path, url: str, ports: Mapping[str, int]) -> Iterator[None]:
    """In front of the services at these ports, which are ready when it is."""
    upstreams = " ".join(
        UPSTREAM.format(name=name, servers=f"server 127.0.0.1:{port};") for name, port in ports.items()
    )
    locations = " ".join(f"location {PATHS[name]} {{ proxy_pass http://{name}/; }}" for name in ports)
    with _serving(home, int(url.rsplit(":", 1)[1]), upstreams, locations):
        for name in ports:
            await_ready(f"{url}{PATHS[name]}readyz")
        yield


@contextmanager
def _serving(home: Path, port: int, upstreams: str, locations: str) -> Iterator[int]:
    home.chmod(0o777)
    file = home / "nginx.conf"
    file.write_text(NGINX.format(home=home, port=port, upstreams=upstreams, locations=locations))
    process = subprocess.Popen(["nginx", "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        stop(process)
