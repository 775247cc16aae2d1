"""The way out: what a name leads to is checked, and nothing else is connected to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from market_builders import NOW

from tuan.kernel.egress import AddressRefused, Egress, IPAddress, NameUnknown
from tuan.market.way_out import require_reachable, way_out
from tuan.market.webhook_address import AddressNotPublic, is_public, require_public

HERE = ip_address("127.0.0.1")
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Listener:
    """Takes note of who connects, what name they asked for, and what they said."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    names: list[object] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(TAKEN)
        await writer.drain()
        writer.close()


@dataclass
class Names:
    """A name server that answers with each of these in turn, and then with the last."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[IPAddress]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(address) for address in answer]


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    async with await asyncio.start_server(listener, "127.0.0.1", 0) as server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


async def send(out: Egress, url: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=out, trust_env=False) as client:
        return await client.post(url, content="{}")


def out_to(
    names: Names, *, permits: Callable[[IPAddress], bool], verify: ssl.SSLContext | bool = True
) -> Egress:
    """Any URL will do: what is tried here is where its name leads."""
    return Egress(check=lambda _: None, permits=permits, look_up=names, verify=verify)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"],
     ["10.0.0.1"], ["64:ff9b::7f00:1"], ["2606:4700:4700::1111", "fd00:ec2::254"], []],
)  # fmt: skip
async def test_a_name_that_leads_into_our_network_is_connected_to_by_none_of_its_addresses(
    listener: Listener, addresses: list[str]
) -> None:
    with pytest.raises(AddressRefused):
        await send(out_to(Names([addresses]), permits=is_public), f"http://evil.example.com:{listener.port}/")

    assert listener.requests == []


async def test_a_name_that_changes_its_address_after_the_check_gains_nothing(listener: Listener) -> None:
    """127.0.0.1 stands for the open internet here, 127.0.0.2 for our own network."""
    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    url = f"http://evil.example.com:{listener.port}/hooks"

    answer = await send(out_to(names, permits=lambda address: address == HERE), url)
    assert (answer.status_code, names.asked) == (204, [("evil.example.com", listener.port)])

    with pytest.raises(AddressRefused):
        await send(out_to(names, permits=lambda address: address == HERE), url)
    assert len(listener.requests) == 1


async def test_the_receiver_sees_the_name_and_each_request_its_own_connection(listener: Listener) -> None:
    out = out_to(Names([["127.0.0.1"]]), permits=lambda _: True)
    async with httpx.AsyncClient(transport=out) as client:
        for name in ("a.example.com", "b.example.com"):
            await client.post(f"http://{name}:{listener.port}/hooks?x=1")

    heads = [request.splitlines()[:2] for request in listener.requests]
    assert heads == [
        ["POST /hooks?x=1 HTTP/1.1", f"Host: {name}:{listener.port}"]
        for name in ("a.example.com", "b.example.com")
    ]


async def test_an_address_that_does_not_answer_leaves_the_next(listener: Listener) -> None:
    out = out_to(Names([["127.0.0.9", "127.0.0.1"]]), permits=lambda _: True)

    assert (await send(out, f"http://mall.example.com:{listener.port}/")).status_code == 204


def a_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path) -> None:
    certificate, key = a_certificate(tmp_path, "mall.example.com")
    listener = Listener()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    ours.sni_callback = lambda _, name, __: listener.names.append(name)
    out = partial(
        out_to,
        Names([["127.0.0.1"]]),
        permits=lambda _: True,
        verify=ssl.create_default_context(cafile=str(certificate)),
    )

    async with await asyncio.start_server(listener, "127.0.0.1", 0, ssl=ours) as server:
        port = server.sockets[0].getsockname()[1]
        taken = await send(out(), f"https://mall.example.com:{port}/")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await send(out(), f"https://other.example.com:{port}/")

    assert (taken.status_code, len(listener.requests)) == (204, 1)
    assert listener.names == ["mall.example.com", "other.example.com"]


async def test_a_registered_url_is_judged_by_where_it_leads() -> None:
    out = Egress(
        check=partial(require_public, allow_private=False),
        permits=is_public,
        look_up=Names([["8.8.8.8"], ["192.168.1.1"]]),
    )
    await require_reachable(out, "https://mall.example.com/")
    for url in ("https://mall.example.com/", "https://127.0.0.1/"):
        with pytest.raises(AddressNotPublic):
            await require_reachable(out, url)
    await out.aclose()


async def test_the_way_out_goes_nowhere_private_unless_it_may(listener: Listener) -> None:
    url = f"http://localhost:{listener.port}/hooks"

    with pytest.raises(AddressNotPublic):
        await send(way_out(allow_private=False), url)
    assert listener.requests == []

    assert (await send(way_out(allow_private=True), url)).status_code == 204


async def test_a_name_nobody_knows_yet_may_be_registered_and_not_connected_to() -> None:
    async def nobody(_: str, __: int) -> Sequence[IPAddress]:
        raise OSError("Name or service not known")

    out = Egress(check=lambda _: None, permits=is_public, look_up=nobody)
    await require_reachable(out, "https://mall.example.com/")
    with pytest.raises(NameUnknown):
        await send(out, "https://mall.example.com/")
