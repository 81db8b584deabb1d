"""Addresses that a crawl may connect to."""

import asyncio
import ipaddress

import pytest

from gristmill.corpus.crawl.guard import Guard, GuardedResolver, RefusedUrlError


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("fe80::1", "fc00::1", "ff02::1", "::", "2001:db8::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1"),
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo of 10.0.0.1
    ],
)
def test_no_private_address_is_reached_not_even_with_loopback_allowed(address: str) -> None:
    assert not Guard(allow_loopback=True).may_connect(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_reached_only_where_it_is_allowed(address: str) -> None:
    assert Guard(allow_loopback=True).may_connect(ipaddress.ip_address(address))
    assert not Guard().may_connect(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["140.82.121.4", "2606:50c0:8000::154", "64:ff9b::8c52:7904"])
def test_public_addresses_are_reached(address: str) -> None:
    assert Guard().may_connect(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]"])
def test_every_spelling_of_an_address_is_seen_through(host: str) -> None:
    with pytest.raises(RefusedUrlError):
        Guard().check_url(f"http://{host}/")


def test_only_the_hosts_that_are_named_are_allowed() -> None:
    guard = Guard(hosts=frozenset({"api.github.com"}))
    guard.check_url("https://API.github.com/repositories")
    with pytest.raises(RefusedUrlError, match="not among the allowed"):
        guard.check_url("https://api.github.com.example.org/")


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(RefusedUrlError) as caught:
        Guard().check_url("https://user:secret@github.com/")
    assert "secret" not in str(caught.value)


def test_a_name_of_this_machine_is_refused_when_it_is_resolved() -> None:
    async def resolve() -> None:
        resolver = GuardedResolver(Guard())
        with pytest.raises(RefusedUrlError, match=r"resolves to (127\.|::1)"):
            await resolver.resolve("localhost", 80)
        await resolver.close()

    asyncio.run(resolve())


def test_a_stand_in_answers_for_a_host_and_no_other_host_has_an_address() -> None:
    async def resolve() -> None:
        guard = Guard(allow_loopback=True, host_map={"docs.example.org": ("127.0.0.1", 4321)})
        resolver = GuardedResolver(guard)
        (found,) = await resolver.resolve("docs.example.org", 80)
        assert (found["host"], found["port"]) == ("127.0.0.1", 4321)
        with pytest.raises(OSError, match="has no stand-in"):
            await resolver.resolve("www.example.org", 80)
        await resolver.close()

    asyncio.run(resolve())


@pytest.mark.parametrize(
    "host", ["a..b", ".a", "*", "xn--$a", "%41", f"{'a' * 64}.test", f"{'a.' * 200}b", "[v1.x]"]
)
def test_a_name_that_dns_cannot_be_asked_for_is_refused(host: str) -> None:
    with pytest.raises(RefusedUrlError) as caught:
        Guard().check_url(f"http://{host}/")
    assert caught.value.refusal == "url"


@pytest.mark.parametrize("host", ["a_b.example", "xn--strae-oqa.de", "example.org.", "a:8080"])
def test_a_name_that_is_odd_and_real_is_allowed(host: str) -> None:
    Guard().check_url(f"http://{host}/")
