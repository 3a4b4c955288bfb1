import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import anthropic
import openai
import pytest

from kagura.providers import error_body


def parsed(dialect: str) -> dict[str, object]:
    content, kind = error_body(dialect, 502, "upstream_unreachable", "groq cannot be reached")
    assert kind == "application/json"
    found = json.loads(content)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "bedrock", "cohere", "ollama", "anything"])
def test_our_code_and_message_are_visible_in_each_shape(dialect: str) -> None:
    shown = json.dumps(parsed(dialect))
    assert "upstream_unreachable" in shown
    assert "groq cannot be reached" in shown


def test_openai_shape() -> None:
    error = {"message": "groq cannot be reached", "type": "server_error", "code": "upstream_unreachable", "param": None}
    assert parsed("openai") == {"error": error}


@contextmanager
def server_of(dialect: str, status: int, code: str) -> Iterator[str]:
    """A loopback server that answers everything with our error; gives its address."""
    content, kind = error_body(dialect, status, code, "no way there")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_openai_sdk_raises_its_own_exception_with_our_code() -> None:
    with (
        server_of("openai", 404, "unknown_provider") as address,
        openai.OpenAI(api_key="k", base_url=address, max_retries=0) as client,
        pytest.raises(openai.NotFoundError) as caught,
    ):
        client.models.list()
    assert caught.value.code == "unknown_provider"


def test_the_anthropic_sdk_raises_its_own_exception_with_our_message() -> None:
    with (
        server_of("anthropic", 502, "upstream_unreachable") as address,
        anthropic.Anthropic(api_key="k", base_url=address, max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError, match="upstream_unreachable") as caught,
    ):
        client.models.list()
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == "api_error"


def test_gemini_shape_has_googles_status() -> None:
    error = parsed("gemini")["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["status"]) == (502, "UNAVAILABLE")
