"""Reaching providers: proxies of the environment, TLS, failures."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kagura.proxy.app import create_app
from kagura.proxy.dial import Dialer, Origin, origin_of, proxy_authorization, unusable_proxies
from kagura.proxy.wire import Connection, UpstreamError
from tests.proxy.stage import settings_for

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-made authority's file, and the context of a server for `provider.test` and localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [
        x509.DNSName("localhost"),
        x509.DNSName("provider.test"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, folder / "key.pem")
    return pem, context


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await reader.read()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that has let go of its connections when the block ends."""
    served: set[asyncio.Future[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        served.add(done)
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            done.set_result(None)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*served)


async def fetch(connection: Connection) -> bytes:
    connection.begin(REQUEST, no_body=False, read_timeout=5)
    connection.request_sent()
    await connection.head()
    body, over = await connection.read()
    assert over
    connection.abort()
    return body


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://api.test", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.test", {"https_proxy": "p:1", "HTTPS_PROXY": "http://q:1"}, "http://p:1"),
        ("https://api.test", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.test", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://api.test", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.test", {"ALL_PROXY": "socks5://p:1"}, None),
        ("https://api.test", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other, .test"}, None),
        ("https://api.test", {"HTTPS_PROXY": "http://p:1", "no_proxy": "api.test:443"}, None),
        ("https://api.test", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "pi.test"}, "http://p:1"),
        ("https://api.test", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("http://127.0.0.1:11434", {"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_the_environment_names_the_proxy(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert origin_of(url, environ).proxy == proxy


def test_authorities_and_credentials() -> None:
    assert Origin("https", "api.test", 443).authority == "api.test"
    assert Origin("https", "api.test", 80).authority == "api.test:80"
    assert Origin("http", "::1", 80).authority == "[::1]"
    assert proxy_authorization(Origin("http", "a", 80, "http://u:p%40@h:1")) == "Basic dTpwQA=="
    assert proxy_authorization(Origin("http", "a", 80, "http://h:1")) is None


async def test_tls_is_verified_against_the_trust_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path)
    async with listening(answer, context) as port:
        with pytest.raises(UpstreamError) as raised:
            await Dialer(5).open(Origin("https", "localhost", port))
        assert raised.value.code == "upstream_tls_error"
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert await fetch(await Dialer(5).open(Origin("https", "localhost", port))) == b"hi"


async def test_tls_through_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pipe(reader, inner_writer), pipe(inner_reader, writer))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    async with listening(answer, context) as port, listening(tunnel) as proxy:
        origin = Origin("https", "provider.test", 443, f"http://u:p@127.0.0.1:{proxy}")
        assert await fetch(await Dialer(5).open(origin)) == b"hi"
    assert asked[0].startswith(b"CONNECT provider.test:443 HTTP/1.1\r\nHost: provider.test:443\r\n")
    assert b"Proxy-Authorization: Basic dTpw\r\n" in asked[0]


async def test_a_refused_tunnel_is_told() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        writer.close()

    async with listening(refuse) as proxy:
        with pytest.raises(UpstreamError, match="407 Proxy Authentication") as raised:
            await Dialer(5).open(Origin("https", "provider.test", 443, f"http://127.0.0.1:{proxy}"))
    assert raised.value.status == 502


async def test_who_does_not_listen_is_unreachable() -> None:
    for host in ("127.0.0.1", "no-such-host.invalid"):
        with pytest.raises(UpstreamError) as raised:
            await Dialer(5).open(Origin("http", host, 9))
        assert (raised.value.status, raised.value.code) == (502, "upstream_unreachable")


async def test_a_connection_that_takes_too_long_is_a_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent) as port:
        with pytest.raises(UpstreamError) as raised:
            await Dialer(0.2).open(Origin("https", "localhost", port))
    assert (raised.value.status, raised.value.code) == (504, "upstream_timeout")


def test_proxies_that_are_not_used_are_named_without_their_credentials() -> None:
    environ = {"ALL_PROXY": "socks5://me:secret@p:1080", "https_proxy": "socks5h://q", "HTTP_PROXY": "http://r:3128"}
    assert unusable_proxies(environ) == ["socks5://p:1080", "socks5h://q"]
    assert unusable_proxies({"HTTPS_PROXY": "p:3128", "NO_PROXY": "*"}) == []


async def test_the_relay_says_at_its_start_that_it_uses_no_socks_proxy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_app(settings_for(tmp_path, "http://127.0.0.1:9"), environ={"ALL_PROXY": "socks5://me:secret@p:1080"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "kagura.proxy"]
    assert line.startswith("socks5://p:1080 is not used")
