"""Bytes in, bytes out, over real sockets on both sides."""

import asyncio
import gzip
import json
import time
from pathlib import Path

import pytest

from kagura.config import ProviderSettings, ProxySettings
from kagura.journal import Started
from kagura.model import Outcome
from tests.proxy.stage import Visit, answers, get, ok, post, running, split, streamed
from tests.proxy.test_include_usage import DONE, FIRST, USAGE


async def test_request_bytes_reach_the_provider_as_sent(tmp_path: Path) -> None:
    body = b'{ "model" : "gpt-4o",\n "x": 1.50 }'
    target = "/openai/v1/a%2Fb/../<c>/x:y?q=%7e&&r=a+b??"
    async with running(tmp_path) as stage:
        await stage.ask(post(target, body, "X-One: 1", "x-two: 2", "X-One: 3", "Accept-Encoding: gzip"))
        (visit,) = stage.upstream.visits
    assert visit.request_line == "POST /v1/a%2Fb/../<c>/x:y?q=%7e&&r=a+b?? HTTP/1.1"
    assert visit.body == body
    assert visit.lines == [
        b"Host: 127.0.0.1:%d" % stage.upstream.port,
        b"content-type: application/json",
        b"x-one: 1",
        b"x-two: 2",
        b"x-one: 3",
        b"accept-encoding: gzip",
        b"content-length: %d" % len(body),
    ]


async def test_answer_bytes_reach_the_client_as_sent(tmp_path: Path) -> None:
    squeezed = gzip.compress(b"{}" * 50)
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(
            ok(
                squeezed,
                b"Content-Encoding: gzip",
                b"Set-Cookie: a=1",
                b"X-Odd: \xe9\xff",
                b"Set-Cookie: b=2",
                b"Keep-Alive: 5",
            )
        )
        answer = await stage.ask(get("/openai/v1/models"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == squeezed
    assert head.split(b"\r\n")[:6] == [
        b"HTTP/1.1 200 OK",
        b"content-encoding: gzip",
        b"set-cookie: a=1",
        b"x-odd: \xe9\xff",
        b"set-cookie: b=2",
        b"content-length: %d" % len(squeezed),
    ]
    assert b"keep-alive: 5" not in head


async def test_hop_by_hop_and_own_headers_stay_here(tmp_path: Path) -> None:
    request = get(
        "/openai/v1/models",
        "TE: trailers",
        "Connection: X-Mine",
        "X-Mine: 1",
        "Keep-Alive: 3",
        "X-Kagura-Agent: a",
        "Expect: x",
    )
    async with running(tmp_path) as stage:
        await stage.ask(request)
        (visit,) = stage.upstream.visits
    assert [line.partition(b":")[0].lower() for line in visit.lines] == [b"host"]


@pytest.mark.parametrize(
    ("status", "method"), [(b"204 No Content", "GET"), (b"304 Not Modified", "GET"), (b"200 OK", "HEAD")]
)
async def test_answers_without_a_body(tmp_path: Path, status: bytes, method: str) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(b"HTTP/1.1 %b\r\nContent-Length: 7\r\nETag: x\r\n\r\n" % status)
        answers_read = [split(await stage.ask(get("/openai/v1/x", method=method))) for _ in range(2)]
    for line, headers, body in answers_read:
        assert line.encode().startswith(b"HTTP/1.1 " + status[:3])
        assert (headers["etag"], body) == ("x", b"")
        assert headers.get("content-length", "") == ("7" if method == "HEAD" else "")


async def test_informational_answers_are_passed_over(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", ok(b"yes"))
        line, headers, body = split(await stage.ask(get("/openai/v1/x")))
    assert (line, body, "link" in headers) == ("HTTP/1.1 200 OK", b"yes", False)


async def test_an_answer_that_ends_with_its_connection_is_whole(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\n\r\nall there is")
        visit.writer.close()

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        assert split(await stage.ask(get("/openai/v1/x")))[2] == b"all there is"
        assert (await stage.ended())[0].outcome == Outcome.COMPLETED


async def test_a_coding_other_than_chunked_ends_with_its_connection(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nall there is")
        visit.writer.close()

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        assert split(await stage.ask(get("/openai/v1/x")))[2] == b"all there is"
        assert (await stage.ended())[0].outcome == Outcome.COMPLETED


async def test_no_call_ends_before_it_began_when_the_clock_is_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(visit: Visit) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
        await visit.say(ok(b"yes"))

    async with running(tmp_path) as stage:
        stage.upstream.script = script
        await stage.ask(get("/openai/v1/x"))
        start, end = stage.pair()
    instants = [start.received_at, end.sent_at, end.first_byte_at, end.last_byte_at, end.done_at]
    assert None not in instants
    assert instants == sorted(instants, key=lambda instant: instant or 0)
    assert end.done_at - start.received_at < 5_000_000


async def test_long_header_lines_pass(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(ok(b"", b"x-long: " + b"a" * 65_000))
        assert split(await stage.ask(get("/openai/v1/x")))[1]["x-long"] == "a" * 65_000


async def test_calls_whose_heads_are_alike_differ_in_all_else(tmp_path: Path) -> None:
    def ask(agent: str, body: bytes) -> bytes:
        return post("/v1/chat/completions", body, f"X-Kagura-Agent: {agent}", "X-Kagura-Tags: =bad")

    bodies = {b'{"model":"m"}': "one", b'{"model":"groq/m","n":1}': "one", b'{"model":"m","x":2}': "two"}
    async with running(tmp_path) as stage:
        for body, agent in bodies.items():
            assert split(await stage.ask(ask(agent, body)))[0] == "HTTP/1.1 200 OK"
        starts = [record for record in stage.records() if isinstance(record, Started)]
        health = json.loads(split(await stage.ask(get("/kagura/health")))[2])
        assert [visit.body for visit in stage.upstream.visits] == [
            b'{"model":"m"}',
            b'{"model":"m","n":1}',
            b'{"model":"m","x":2}',
        ]
    assert [(start.provider, start.labels.agent) for start in starts] == [
        ("openai", "one"),
        ("groq", "one"),
        ("openai", "two"),
    ]
    assert [dict(start.request_headers)["content-length"] for start in starts] == [str(len(body)) for body in bodies]
    assert len({start.id for start in starts}) == 3
    assert health["labels_ignored"] == 3


async def test_connections_are_kept_and_redirects_and_cookies_are_the_clients_business(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(ok(b"", b"Location: /elsewhere", b"Set-Cookie: a=1", status=b"307 Moved"))
        for _ in range(3):
            assert split(await stage.ask(get("/openai/v1/x")))[0].startswith("HTTP/1.1 307")
        assert (len(stage.upstream.visits), stage.upstream.connections) == (3, 1)
        assert not any(visit.values("cookie") for visit in stage.upstream.visits)


async def test_a_get_survives_an_idle_connection_that_the_provider_closed(tmp_path: Path) -> None:
    async def once(visit: Visit) -> None:
        if len(stage.upstream.visits) == 2:
            visit.writer.close()
            raise ConnectionResetError
        await visit.say(ok(b"yes"))

    async with running(tmp_path) as stage:
        stage.upstream.script = once
        for _ in range(2):
            assert split(await stage.ask(get("/openai/v1/x")))[2] == b"yes"


async def test_bodies_without_length_are_streamed_on_in_chunks(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        head = b"POST /openai/v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        line, _, _ = split(await stage.ask(head + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"))
        (visit,) = stage.upstream.visits
        _, end = stage.pair()
    assert line == "HTTP/1.1 200 OK"
    assert (visit.body, visit.values("transfer-encoding"), visit.values("content-length")) == (
        b"hello world",
        ["chunked"],
        [],
    )
    assert end.request_body is not None
    assert end.request_body.data == b"hello world"


@pytest.mark.parametrize("chunked", [True, False])
async def test_json_beyond_the_inspection_limit_is_streamed_on_whole(tmp_path: Path, chunked: bool) -> None:
    body = json.dumps({"stream": True, "x": "y" * 300_000}).encode()
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    sent = (
        b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:99_000], body[99_000:])) + b"0\r\n\r\n"
        if chunked
        else body
    )
    async with running(tmp_path, proxy=ProxySettings(inspect_limit=100_000)) as stage:
        head = (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        )
        line, _, _ = split(await stage.ask(head + framing + b"\r\n\r\n" + sent))
        assert (line, stage.upstream.visits[0].body) == ("HTTP/1.1 200 OK", body)


async def test_an_unknown_provider_is_404(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        line, _, body = split(await stage.ask(get("/nobody/v1/models")))
    assert line == "HTTP/1.1 404 Not Found"
    assert json.loads(body)["error"]["code"] == "unknown_provider"


async def test_usage_is_asked_for_and_taken_out_again(tmp_path: Path) -> None:
    body = b'{"model":"m","stream":true}'
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(streamed(FIRST, USAGE[:30], USAGE[30:], DONE))
        _, _, got = split(await stage.ask(post("/v1/chat/completions", body)))
        (visit,) = stage.upstream.visits
        start, end = stage.pair()
    assert visit.body == b'{"stream_options":{"include_usage":true},"model":"m","stream":true}'
    assert got == FIRST + DONE
    assert start.usage_asked
    assert start.request_body is not None
    assert start.request_body.data == body
    assert end.response_body.data == FIRST + USAGE + DONE


async def test_usage_is_taken_out_of_a_compressed_stream(tmp_path: Path) -> None:
    squeezed = gzip.compress(FIRST + USAGE + DONE)
    lines = b"content-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(streamed(squeezed, lines=lines))
        _, headers, got = split(await stage.ask(post("/v1/chat/completions", b'{"stream":true}')))
        _, end = stage.pair()
    assert (headers["content-encoding"], gzip.decompress(got)) == ("gzip", FIRST + DONE)
    assert end.response_body.data == squeezed


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", b'{"stream":true,"stream_options":{"include_usage":true}}'),
        ("/v1/responses", b'{"stream":true}'),
    ],
)
async def test_a_stream_whose_usage_the_client_gets_anyway_is_not_touched(
    tmp_path: Path, path: str, body: bytes
) -> None:
    async with running(tmp_path) as stage:
        stage.upstream.script = answers(streamed(FIRST, USAGE, DONE))
        assert split(await stage.ask(post(path, body)))[2] == FIRST + USAGE + DONE
        assert stage.upstream.visits[0].body == body


async def test_include_usage_can_be_switched_off(tmp_path: Path) -> None:
    async with running(tmp_path, include_usage=False) as stage:
        stage.upstream.script = answers(streamed(FIRST, USAGE, DONE))
        assert split(await stage.ask(post("/v1/chat/completions", b'{"stream":true}')))[2] == FIRST + USAGE + DONE
        assert stage.upstream.visits[0].body == b'{"stream":true}'


async def test_plain_http_goes_through_a_proxy_in_absolute_form(tmp_path: Path) -> None:
    far = {"mine": ProviderSettings(base_url="http://provider.test/base")}
    async with running(tmp_path) as stage:
        environ = {"HTTP_PROXY": f"http://u:p@127.0.0.1:{stage.upstream.port}"}
        async with running(tmp_path / "second", providers=far, environ=environ) as behind:
            await behind.ask(get("/mine/v1/x?y=<z>"))
        (visit,) = stage.upstream.visits
        start, _ = behind.pair()
    assert visit.request_line == "GET http://provider.test/base/v1/x?y=<z> HTTP/1.1"
    assert (visit.values("host"), visit.values("proxy-authorization")) == (["provider.test"], ["Basic dTpw"])
    assert start.target == "/base/v1/x?y=<z>"


async def test_many_calls_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    async def echo(visit: Visit) -> None:
        body = await visit.read_body()
        await asyncio.sleep(0.001 * (len(body) % 7))
        await visit.say(ok(body))

    bodies = [json.dumps({"n": n, "x": "y" * (n * 37 % 500)}).encode() for n in range(200)]
    async with running(tmp_path) as stage:
        stage.upstream.script = echo
        found = await asyncio.gather(*(stage.ask(post("/v1/chat/completions", body)) for body in bodies))
        ends = await stage.ended(len(bodies))
    assert [split(answer)[2] for answer in found] == bodies
    assert {end.outcome for end in ends} == {Outcome.COMPLETED}
    assert len({end.id for end in ends}) == len(bodies)


async def test_the_model_sends_a_call_to_another_provider_with_that_providers_key(tmp_path: Path) -> None:
    async with running(tmp_path, environ={"GROQ_API_KEY": "gsk-own\n"}) as stage:
        await stage.ask(
            post("/v1/chat/completions", b'{"model":"groq/llama"}', "Authorization: Bearer sk-client", "api-key: c")
        )
        (visit,) = stage.upstream.visits
        start, _ = stage.pair()
    assert (visit.body, start.provider) == (b'{"model":"llama"}', "groq")
    assert visit.values("authorization") == ["Bearer gsk-own"]
    assert visit.values("api-key") == []


async def test_the_clients_key_passes_where_the_proxy_holds_none(tmp_path: Path) -> None:
    async with running(tmp_path, environ={"OPENAI_API_KEY": "sk-own"}) as stage:
        for body in (b'{"model":"groq/llama"}', b'{"model":"gpt"}'):
            await stage.ask(post("/v1/chat/completions", body, "Authorization: Bearer sk-client"))
        assert [visit.values("authorization") for visit in stage.upstream.visits] == [["Bearer sk-client"]] * 2


async def test_a_key_in_the_configuration_is_always_used_but_not_for_strangers_pages(tmp_path: Path) -> None:
    rows = {"mine": ProviderSettings(base_url="http://127.0.0.1:9", api_key_env="MINE", headers={"X-Org": "o"})}
    async with running(tmp_path, providers=rows, environ={"MINE": "k-own"}) as stage:
        for origin in ("https://evil.example", "null"):
            line, _, body = split(await stage.ask(post("/mine/v1/x", b"{}", f"Origin: {origin}")))
            assert (line, json.loads(body)["error"]["code"]) == ("HTTP/1.1 403 Forbidden", "foreign_origin")
        rebound, _, _ = split(await stage.ask(get("/mine/v1/x", host="evil.example")))
        assert rebound == "HTTP/1.1 403 Forbidden"
        own, _, _ = split(await stage.ask(post("/mine/v1/x", b"{}", "Origin: http://localhost:3000")))
        assert own == "HTTP/1.1 502 Bad Gateway"


async def test_a_rows_headers_are_added_where_the_client_sends_none(tmp_path: Path) -> None:
    async with running(tmp_path) as stage:
        await stage.ask(post("/v1/messages", b"{}"))
        await stage.ask(post("/v1/messages", b"{}", "anthropic-version: 1999"))
        assert [visit.values("anthropic-version") for visit in stage.upstream.visits] == [["2023-06-01"], ["1999"]]
