"""What a receiver's answers mean, and what goes to it and to nobody else."""

import gzip
import socket
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from kagura.config import OtlpSettings
from kagura.errors import ConfigError
from kagura.otel.outgoing_http import LONGEST_WAIT, Receiver, Verdict, shown_url, traces_url
from kagura.otel.outgoing_wire import Protobuf
from tests.otel.receiver import Answer, receiving
from tests.otel.receiver import Receiver as Receiving

REQUEST = Protobuf({}).request([])


@pytest.fixture
def upstream() -> Any:
    with receiving() as found:
        yield found


def post(upstream: Receiving, **settings: Any) -> Any:
    return Receiver(OtlpSettings(endpoint=upstream.url, **settings), {}).post(REQUEST)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("http://localhost:6006/v1/traces", "http://localhost:6006/v1/traces"),
        ("https://x.example/api/public/otel", "https://x.example/api/public/otel/v1/traces"),
        ("https://x.example/otel?a=1", "https://x.example/otel/v1/traces?a=1"),
    ],
)
def test_an_endpoint_is_taken_as_opentelemetry_does(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


def test_what_is_shown_of_an_endpoint_is_no_secret() -> None:
    assert shown_url("https://ann:secret@x.example?token=secret") == "https://x.example/v1/traces"


def test_a_request_says_what_it_is(upstream: Receiving) -> None:
    assert post(upstream).verdict is Verdict.SENT
    assert post(upstream, compression="none").verdict is Verdict.SENT
    first, second = upstream.headers
    assert upstream.paths == ["/v1/traces", "/v1/traces"]
    assert first["content-type"] == second["content-type"] == "application/x-protobuf"
    assert first["content-encoding"] == "gzip"
    assert "content-encoding" not in second
    assert gzip.decompress(gzip.compress(REQUEST)) == REQUEST


def test_headers_name_variables(upstream: Receiving) -> None:
    settings = OtlpSettings(endpoint=upstream.url, headers={"Authorization": "Bearer ${KEY}", "x-team": "red"})
    Receiver(settings, {"KEY": "secret"}).post(REQUEST)
    assert upstream.headers[0]["authorization"] == "Bearer secret"
    assert upstream.headers[0]["x-team"] == "red"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"headers": {"Authorization": "Bearer ${KEY}"}}, "needs the variable KEY"),
        ({"headers": {"Authorization": "a\r\nx-other: b"}}, "characters that no header can have"),
        ({"headers": {"bad name": "b"}}, "is no name of a header"),
        ({"endpoint": "http://ann:secret@127.0.0.1"}, "holds a user or password"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Receiver(OtlpSettings(**{"endpoint": "http://127.0.0.1"} | settings), {})


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SENT),
        (400, Verdict.REFUSED),
        (413, Verdict.TOO_LARGE),
        (401, Verdict.LATER),
        (404, Verdict.LATER),
        (429, Verdict.LATER),
        (500, Verdict.FAILED),
        (503, Verdict.LATER),
    ],
)
def test_each_status_has_its_meaning(upstream: Receiving, status: int, verdict: Verdict) -> None:
    upstream.always = Answer(status)
    assert post(upstream).verdict is verdict


def test_a_receiver_says_how_long_to_wait(upstream: Receiving) -> None:
    def wait(value: str) -> float | None:
        upstream.always = Answer(429, (("retry-after", value),))
        found: float | None = post(upstream).wait
        return found

    assert wait("7") == 7
    assert wait("100000") == LONGEST_WAIT
    assert wait("-5") == 0
    assert wait("soon") is wait("nan") is None
    assert 20 < (wait(formatdate(time.time() + 30, usegmt=True)) or 0) <= 30


def test_a_redirect_is_not_followed(upstream: Receiving) -> None:
    with receiving() as elsewhere:
        for status in (301, 307):
            upstream.always = Answer(status, (("location", elsewhere.url),))
            answer = post(upstream)
            assert (answer.verdict, answer.reason) == (Verdict.LATER, f"HTTP status {status}")
        assert elsewhere.requests == []


def test_what_a_receiver_says_is_safe_to_show(upstream: Receiving) -> None:
    upstream.always = Answer(400, body=b"bad\x1b[31m\nspan " + b"x" * 5000)
    reason = post(upstream).reason
    assert reason.startswith("HTTP status 400: bad [31m span xxx")
    assert len(reason) <= 200
    assert reason.isprintable()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    answer = Receiver(OtlpSettings(endpoint=f"http://127.0.0.1:{port}"), {}).post(REQUEST)
    assert answer.verdict is Verdict.LATER
    assert "refused" in answer.reason


def test_a_silent_receiver_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        answer = Receiver(OtlpSettings(endpoint=url, timeout=0.05), {}).post(REQUEST)
    assert (answer.verdict, answer.reason) == (Verdict.LATER, "timed out")


SETTINGS_FRAME = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00@\x00"
"""How a gRPC server begins, whatever it was asked."""


@pytest.mark.parametrize(
    ("said", "hint"), [(SETTINGS_FRAME, True), (b"what?\r\n\r\n", False), (b"", False)], ids=["grpc", "other", "none"]
)
def test_an_answer_that_is_no_http(said: bytes, hint: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def gibberish() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65536)
                client.sendall(said)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass

        thread = threading.Thread(target=gibberish)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        answer = Receiver(OtlpSettings(endpoint=url, timeout=2), {}).post(REQUEST)
        thread.join()
    assert answer.verdict is Verdict.LATER
    assert ("OTLP over HTTP mostly has port 4318" in answer.reason) is hint


def test_the_port_of_grpc_is_told_by_its_number() -> None:
    answer = Receiver(OtlpSettings(endpoint="http://127.0.0.1:4317", timeout=0.2), {}).post(REQUEST)
    assert answer.verdict is Verdict.LATER
    assert "4318" in answer.reason


def test_loopback_needs_no_proxy(upstream: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert post(upstream).verdict is Verdict.SENT
