"""Which URLs are of the open internet, as they are written and where they lead."""

from ipaddress import ip_address

import pytest

from tuan.market.webhook_address import AddressNotPublic, is_public, require_public

PUBLIC = [
    "https://mall.example.com/hooks/market",
    "https://MALL.example.com:443/hooks?source=s01&x=1",
    "https://mall.example.com.",
    "https://xn--fiq228c.example.cn/",
    "https://a-1.b2.co/@handle",
    "https://8.8.8.8/hooks",
    "https://[2606:4700:4700::1111]/hooks",
]
NOT_PUBLIC = [
    # Not https on port 443.
    "http://mall.example.com/", "ftp://mall.example.com/", "gopher://mall.example.com:70/_x", "file:///etc/passwd",
    "dict://mall.example.com:11211/", "javascript:alert(1)", "//mall.example.com/", "mall.example.com", "",
    "https://", "https:///hooks", "https:mall.example.com", "https://mall.example.com:22/",
    "https://mall.example.com:80/", "https://mall.example.com:8443/", "https://mall.example.com:0/",
    "https://mall.example.com:65536/", "https://mall.example.com:/", "https://mall.example.com:44３/",
    # This machine.
    "https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/", "https://127.0.0.1/",
    "https://127.0.0.1./", "https://127.1/", "https://0x7f.1/", "https://0x7f000001/", "https://2130706433/",
    "https://017700000001/", "https://0177.0.0.1/", "https://0.0.0.0/", "https://0/", "https://[::1]/",
    "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
    # Clouds' and our own networks.
    "https://169.254.169.254/latest/meta-data/", "https://2852039166/", "https://0xa9fea9fe/",
    "https://[fd00:ec2::254]/", "https://[::ffff:169.254.169.254]/", "https://100.100.100.200/",
    "https://168.63.129.16/", "https://metadata.google.internal/", "https://metadata/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://192.168.1.1/", "https://100.64.0.1/", "https://198.18.0.1/",
    "https://192.0.0.192/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/", "https://[fec0::1]/", "https://printer.local/", "https://router.lan/",
    # What two parsers read differently.
    "https://user@mall.example.com/", "https://user:pw@mall.example.com/", "https://8.8.8.8@127.0.0.1/",
    "https://mall.example.com\\@127.0.0.1/", "https://mall.example.com#@127.0.0.1/",
    "https://127.0.0.1#.example.com/", "https://127.0.0.1\\.example.com/", "https://mall.example.com /",
    " https://mall.example.com/", "https://mall.example.com/\n", "https://mall.example.com/\r\nHost: x",
    "https://mall.example.com\t/", "https://mall%2eexample.com/", "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/",
    "https://ⅼocalhost/", "https://a..example.com/", "https://-a.example.com/", "https://a_b.example.com/",
    "https://[::1/", "https://::1/", "https://[example.com]/", "https://example.com/" + "a" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_url_may_be_registered(url: str) -> None:
    require_public(url, allow_private=False)


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(AddressNotPublic):
        require_public(url, allow_private=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/api/mall/hooks/market", "http://mall:8000/hooks"])
def test_on_one_machine_our_own_network_will_do(url: str) -> None:
    require_public(url, allow_private=True)
    with pytest.raises(AddressNotPublic):
        require_public(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["http://a@127.0.0.1/", "ftp://127.0.0.1/", "http://a\\b/", "http://a:65536/"]
)
def test_even_there_a_url_means_one_thing(url: str) -> None:
    with pytest.raises(AddressNotPublic):
        require_public(url, allow_private=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("223.5.5.5", True), ("2606:4700:4700::1111", True), ("2400:3200::1", True),
        ("0.0.0.0", False), ("10.1.2.3", False), ("100.64.0.1", False), ("100.127.255.255", False),
        ("100.128.0.1", True), ("127.0.0.1", False), ("168.63.129.16", False), ("169.254.169.254", False),
        ("172.31.255.255", False), ("172.32.0.1", True), ("192.0.0.9", False), ("192.0.2.1", False),
        ("192.31.196.1", False), ("192.88.99.1", False), ("192.168.0.1", False), ("198.19.255.255", False),
        ("198.51.100.1", False), ("203.0.113.1", False), ("224.0.0.1", False), ("239.255.255.255", False),
        ("240.0.0.1", False), ("255.255.255.255", False),
        ("::", False), ("::1", False), ("::8.8.8.8", False), ("::ffff:8.8.8.8", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::808:808", False), ("64:ff9b:1::1", False), ("100::1", False), ("2001::1", False),
        ("2001:20::1", False), ("2001:db8::1", False), ("2002:808:808::1", False), ("3fff::1", False),
        ("5f00::1", False), ("fc00::1", False), ("fd00:ec2::254", False), ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)  # fmt: skip
def test_an_address_is_public_or_special(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public
