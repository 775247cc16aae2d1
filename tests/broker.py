"""A RabbitMQ of a test's own: its name, cookie, ports and folder are no other's, and it may be killed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from served import free_port

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # The one in PATH changes the user, and reads /etc.
STARTS_WITHIN_SECONDS = 90
GREETING = b"AMQP\x00\x00\x09\x01"


@dataclass
class Broker:
    home: Path
    port: int
    settings: dict[str, str]
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Until it speaks AMQP."""
        with (self.home / "out").open("ab") as log:
            self._process = subprocess.Popen(
                [SERVER], env=self.settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while not self._speaks():
            assert self._process.poll() is None, (self.home / "out").read_text()
            assert time.monotonic() < until, (self.home / "out").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """As an operator would. A queue made less than a second ago does not outlive a kill."""
        assert self._process
        self._process.terminate()
        self._process.wait(STARTS_WITHIN_SECONDS)
        self._process = None

    def kill(self) -> None:
        """At once, with all that it started."""
        if self._process is None:
            return
        family = []
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            family = [parent, *parent.children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self._process.wait(10)
        self._process = None

    def _speaks(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as line:
            line.sendall(GREETING)
            line.settimeout(5)
            return bool(line.recv(8))
        return False


@contextmanager
def own_broker() -> Iterator[Broker]:
    """Skips where Debian's package is not installed. Its port mapper is ours too, or it would outlive us."""
    epmd = shutil.which("epmd")
    if not SERVER.exists() or epmd is None:
        pytest.skip("no broker here: apt-get install rabbitmq-server")
    with tempfile.TemporaryDirectory(prefix="tuan-rabbit-", ignore_cleanup_errors=True) as folder:
        home, port, mapper_port = Path(folder), free_port(), free_port()
        (home / "plugins").write_text("[].\n")
        (home / "rabbitmq.conf").write_text("vm_memory_high_watermark.absolute = 512MB\n")
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": folder,  # Where its cookie is made.
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(mapper_port),
            "RABBITMQ_NODENAME": f"tuan{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }
        broker = Broker(home, port, settings)
        with subprocess.Popen([epmd, "-address", "127.0.0.1", "-port", str(mapper_port)]) as mapper:
            try:
                broker.start()
                yield broker
            finally:
                broker.kill()
                mapper.terminate()
