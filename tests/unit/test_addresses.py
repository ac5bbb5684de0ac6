"""The one rule of addresses: what is never reached, what two switches open, and forms that carry another address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.addresses import AddressRule, kind_of

TABLE = {
    "93.184.216.34": "public",
    "8.8.8.8": "public",
    "2606:4700::1111": "public",
    "2a00:1450::1": "public",
    "127.0.0.1": "loopback",
    "127.8.8.8": "loopback",
    "::1": "loopback",
    "10.0.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "private",
    "198.18.0.1": "private",
    "fd12::1": "private",
    "fec0::1": "private",
    "0.0.0.0": "forbidden",
    "0.1.2.3": "forbidden",
    "::": "forbidden",
    "169.254.169.254": "forbidden",
    "169.254.170.2": "forbidden",
    "169.254.170.23": "forbidden",
    "100.100.100.200": "forbidden",
    "168.63.129.16": "forbidden",
    "fd00:ec2::254": "forbidden",
    "fd00:ec2::23": "forbidden",
    "fd20:ce::254": "forbidden",
    "fe80::1%eth0": "forbidden",
    "224.0.0.1": "forbidden",
    "240.0.0.1": "forbidden",
    "255.255.255.255": "forbidden",
    "192.0.2.1": "forbidden",
    "203.0.113.7": "forbidden",
    "ff02::1": "forbidden",
    "2001:db8::1": "forbidden",
    "3fff::1": "forbidden",
    "100::1": "forbidden",
    "5f00::1": "forbidden",
    "::ffff:10.0.0.1": "private",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "forbidden",
    "::ffff:8.8.8.8": "public",
    "::127.0.0.1": "loopback",
    "::a9fe:a9fe": "forbidden",
    "::ffff:0:10.0.0.1": "private",
    "2002:a00:1::": "private",
    "2002:0a00:0001::1": "private",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::1": "forbidden",
    "2002:808:808::1": "public",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b::169.254.169.254": "forbidden",
    "64:ff9b::8.8.8.8": "public",
    "64:ff9b:1::127.0.0.1": "forbidden",
    "64:ff9b:1:7f00:0:100::": "forbidden",
    "64:ff9b:1:a820:bc56:522d:100:0": "forbidden",
    "64:ff9b:1:808:8:808:808:808": "forbidden",
    "2001:0:808:808::f5ff:fffe": "private",
    "2001:0:7f00:1::f7f7:f7f7": "loopback",
    "2001:0:808:808::f7f7:f7f7": "public",
    "2606:4700::5efe:10.0.0.1": "private",
    "2606:4700::200:5efe:169.254.169.254": "forbidden",
}


@pytest.mark.parametrize(("address", "kind"), TABLE.items())
def test_what_an_address_is(address: str, kind: str) -> None:
    assert kind_of(address) == kind


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_is_better_than_itself(inner: IPv4Address) -> None:
    order = ["public", "private", "loopback", "forbidden"]
    v4 = int(inner)
    forms = [
        v4, 0xFFFF << 32 | v4, 0xFFFF << 48 | v4, 0x64FF9B << 96 | v4, 0x2002 << 112 | v4 << 80,
        0x20010000 << 96 | 0x08080808 << 64 | (v4 ^ 0xFFFFFFFF), 0x26064700 << 96 | 0x5EFE << 32 | v4,
    ]  # fmt: skip
    for form in forms:
        if form > 1:  # ::1 is what it says
            assert order.index(kind_of(str(IPv6Address(form)))) >= order.index(kind_of(str(inner))), IPv6Address(form)


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_public(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        or address.is_private
    )  # fmt: skip
    if special and not (isinstance(address, IPv6Address) and (address.ipv4_mapped or address.sixtofour)):
        assert kind_of(str(address)) != "public" or address in _CARRIERS


class _Carriers:
    """Forms that are judged by what they carry, while Python judges them by themselves."""

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv6Address) and (
            int(address) >> 32 in {0, 0xFFFF0000} or address.teredo is not None
        )


_CARRIERS = _Carriers()


def test_two_switches_and_ports_of_our_own() -> None:
    closed, private, both = AddressRule(), AddressRule(private=True), AddressRule(private=True, loopback=True)
    assert closed.allows("8.8.8.8", 80)
    assert not closed.allows("10.0.0.1", 80)
    assert not closed.allows("127.0.0.1", 80)
    assert private.allows("10.0.0.1", 80)
    assert not private.allows("127.0.0.1", 80)
    assert both.allows("127.0.0.1", 80)
    assert not both.allows("169.254.169.254", 80)
    assert not both.allows("no address", 80)
    ours = AddressRule(private=True, loopback=True, own_ports={2022})
    assert not ours.allows("127.0.0.1", 2022)
    assert not ours.allows("::ffff:127.0.0.1", 2022)
    assert ours.allows("127.0.0.1", 2023)
    assert ours.allows("10.0.0.1", 2022), "another machine"
    assert not ours.allows("10.0.0.1", 2022, local="10.0.0.1"), "this machine, by another of its addresses"
    assert not private.allows("10.0.0.1", 80, local="10.0.0.1")
    assert not AddressRule().allows("8.8.8.8", 80, local="8.8.8.8")
