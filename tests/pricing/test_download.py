"""Price lists from an address, over a real connection of this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kagura.errors import InputError, PricingError
from kagura.pricing.download import downloaded, is_url

LIST = b'{"a": 1}'


class Server(BaseHTTPRequestHandler):
    """A list, one that is elsewhere, one that is too large, and nothing."""

    def do_GET(self) -> None:
        moved = {"/here": "/lists/prices.json", "/plain": "http://prices.example.test/prices.json"}
        if self.path in moved:
            self.send_response(302)
            self.send_header("location", moved[self.path])
            self.end_headers()
            return
        self.send_response(200 if self.path.startswith("/lists/") else 404)
        self.end_headers()
        self.wfile.write(LIST)

    def log_message(self, *args: Any) -> None:
        """Be quiet."""


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_list_is_there_for_the_block_under_its_own_name(origin: str) -> None:
    with downloaded(f"{origin}/lists/data.py?token=1") as path:
        assert path.name == "data.py"
        assert path.read_bytes() == LIST
    assert not path.exists()


def test_redirects_are_followed(origin: str) -> None:
    with downloaded(f"{origin}/here") as path:
        assert path.read_bytes() == LIST


def test_plain_http_is_refused_also_after_a_redirect(origin: str) -> None:
    with pytest.raises(InputError, match="over https only"), downloaded("http://prices.example.test/prices.json"):
        pass
    with pytest.raises(InputError, match="over https only"), downloaded(f"{origin}/plain"):
        pass
    with pytest.raises(InputError, match="over https only"), downloaded("ftp://prices.example.test/prices.json"):
        pass


def test_what_is_too_large_is_no_price_list(origin: str) -> None:
    with pytest.raises(PricingError, match="larger than 5 bytes"), downloaded(f"{origin}/lists/x", max_bytes=5):
        pass


def test_a_list_that_cannot_be_had_says_why(origin: str) -> None:
    with pytest.raises(PricingError, match="/gone: cannot be fetched: Not Found"), downloaded(f"{origin}/gone"):
        pass
    with pytest.raises(PricingError, match="cannot be fetched"), downloaded("http://127.0.0.1:1/x"):
        pass


def test_addresses_are_told_from_files() -> None:
    assert is_url("https://example.test/a")
    assert not is_url("prices.json")
    assert not is_url("C:\\prices.json")
