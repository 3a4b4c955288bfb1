"""`--attach` through TLS with a certificate of its own, with keys, and to what is not the proxy it should be."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from kagura.dashboard.tui.feed import UPDATE, Reply
from kagura.store import Batch, Store
from kagura.store.questions import Failed
from tests.clients.installed import Proxy, environment, kagura
from tests.end_to_end.runs import python
from tests.end_to_end.test_monitor_elsewhere import KEY, keyed
from tests.proxy.test_dial import certificate
from tests.store.things import llm


@contextmanager
def tls_before(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """A port on which the same is said through TLS as on another one, as behind a load balancer."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                outer = context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            inner = socket.create_connection(("127.0.0.1", port))
            for pair in ((outer, inner), (inner, outer)):
                threading.Thread(target=pump, args=pair, daemon=True).start()
            opened.extend((outer, inner))

    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    server.join()
    for line in opened:
        line.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("there")
    with Store.open(f"sqlite:///{home / 'telemetry.db'}") as store:
        store.write(Batch(spans=[llm(1)]))
    proxy = keyed(home)
    yield proxy
    proxy.stop()


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "here")


def test_through_tls_with_a_certificate_of_ones_own(proxy: Proxy, here: dict[str, str], tmp_path: Path) -> None:
    file, context = certificate(tmp_path)
    with tls_before(proxy.port, context) as port:
        root = f"https://127.0.0.1:{port}"
        given = here | {"TEAM_KEY": KEY}
        flags = ["--attach", root, "--attach-key-env", "TEAM_KEY"]
        done = kagura("monitor", "--json", *flags, env=given)
        assert done.returncode == 2
        assert f"the certificate of {root} is not trusted" in done.stderr
        assert "SSL_CERT_FILE" in done.stderr
        trusting = given | {"SSL_CERT_FILE": str(file)}
        done = kagura("monitor", "--json", *flags, env=trusting)
        assert [run["id"] for run in json.loads(done.stdout)["executions"]] == ["run-1"], done.stderr
        done = kagura("run", "--id", "far", *flags, *python("print('done')"), env=trusting)
        assert (done.returncode, done.stdout) == (0, "done\n")
        assert "completed: no LLM call came through the proxy" in done.stderr
        done = kagura("run", "--id", "near", "--attach", root, *python("print('done')"), env=trusting)
        assert done.returncode == 0
        assert f"recorded by {root}" in done.stderr
        assert "does not show its records" in done.stderr


@pytest.mark.parametrize(("key", "text"), [("", "without its key"), ("wrong-key-of-old", "is not this proxy's")])
@pytest.mark.parametrize("command", [["monitor"], ["tail"], ["statusline"], ["export"]])
def test_without_the_key_nothing_is_shown(
    proxy: Proxy, here: dict[str, str], command: list[str], key: str, text: str
) -> None:
    done = kagura(*command, "--attach", proxy.root, env=here | {"KAGURA_PROXY_VIEW_KEY": key})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{proxy.root} does not show its records" in done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def another(answer: Callable[[BaseHTTPRequestHandler], tuple[int, bytes]]) -> Iterator[str]:
    """What answers `/kagura/health` as kagura does, and the rest in a way of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, b'{"status":"ok","version":"0.1.0"}')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._send(*answer(self))

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


UNKNOWN = msgspec.msgpack.encode(
    Reply(answer=Failed(message="kagura 0.1.0 does not know this question", remedy=UPDATE))
)


@pytest.mark.parametrize(
    ("status", "data", "text"),
    [
        (404, b"{}", "cannot be asked from elsewhere"),
        (200, UNKNOWN, "does not know this question"),
        (200, b"<html>\x1b[31m", "is not understood"),
        (503, b'{"error":"as many monitors\x1b as may be"}', "answers 503"),
    ],
)
def test_an_old_proxy_and_what_is_none_are_told(here: dict[str, str], status: int, data: bytes, text: str) -> None:
    with another(lambda _: (status, data)) as root:
        done = kagura("monitor", "--trace", "--attach", root, env=here)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proxy_that_goes_away_in_between_is_told(here: dict[str, str]) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        handler.connection.shutdown(socket.SHUT_RDWR)
        return 200, b""

    with another(hang_up) as root:
        done = kagura("top", "--once", "--attach", root, env=here)
    assert done.returncode == 2
    assert f"{root} does not answer" in done.stderr
