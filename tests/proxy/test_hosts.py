"""Who may call from a browser."""

import pytest

from kagura.proxy.hosts import HostGuard, is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "127.0.0.1.evil.example"])
def test_other_names(host: str) -> None:
    assert not is_loopback(host)


def test_hosts() -> None:
    guard = HostGuard("box.local", ["Kagura.corp"])
    for host in (b"localhost:4100", b"[::1]:4100", b"box.local", b"kagura.CORP:80", b"10.0.0.7:4100", None):
        assert guard.knows_host(host), host
    for host in (b"evil.example:4100", b"", b"localhost.evil.example"):
        assert not guard.knows_host(host), host


def test_origins() -> None:
    guard = HostGuard("127.0.0.1", ["kagura.corp"])
    for origin in (b"http://localhost:3000", b"https://kagura.corp", None):
        assert guard.knows_origin(origin), origin
    for origin in (b"https://evil.example", b"null", b"http://10.0.0.7", b"http://[bad"):
        assert not guard.knows_origin(origin), origin
