"""Amazon's own client before Bedrock's runtime: signed requests, escaped paths, framed event streams."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.clients.comparison import bill, cost
from tests.clients.installed import Proxy
from tests.clients.upstream import Answer, Upstream, said
from tests.providers.amazon import message

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ESCAPED = "us.anthropic.claude-haiku-4-5-20251001-v1%3A0"
USAGE = {
    "inputTokens": 40,
    "outputTokens": 500,
    "cacheReadInputTokens": 10000,
    "cacheWriteInputTokens": 3000,
    "totalTokens": 13540,
}
BILL = bill((40, "1.10"), (3000, "1.375"), (10000, "0.11"), (500, "5.50"))
"""Claude Haiku 4.5 through an inference profile of a region, a tenth above the global price
(https://aws.amazon.com/bedrock/pricing/, November 2026)."""
TOOL: dict[str, Any] = {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Kyōto"}}
ASK: dict[str, Any] = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Good morning? 🌅"}]}]}
STRING = b"\x07"


class Runtime:
    """The client at one address, and what it put on the wire."""

    def __init__(self, address: str) -> None:
        self.sent: list[dict[str, str]] = []
        session = boto3.Session("AKIATEST", "secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1})
        self.client: Any = session.client("bedrock-runtime", endpoint_url=address, config=config)
        self.client.meta.events.register("before-send.bedrock-runtime", self._note)

    def _note(self, request: Any, **_: Any) -> None:
        values = {name.lower(): value for name, value in request.headers.items()}
        self.sent.append({n: v.decode() if isinstance(v, bytes) else str(v) for n, v in values.items()})


Play = Callable[[Answer, Callable[[Any], Any]], tuple[Any, dict[str, Any]]]


@pytest.fixture
def play(upstream: Upstream, proxy: Proxy) -> Iterator[Play]:
    """Run a use straight and through kagura; its result, the same both times, and the recorded call."""
    runtimes: list[Runtime] = []

    def run(answer: Answer, use: Callable[[Any], Any]) -> tuple[Any, dict[str, Any]]:
        results = []
        for address in (upstream.url, f"{proxy.root}/bedrock"):
            runtimes.append(Runtime(address))
            upstream.plays(answer)
            results.append(use(runtimes[-1].client))
        assert results[0] == results[1]
        assert_as_signed(upstream, runtimes[-1])
        (call,) = proxy.calls(1)
        return results[1], call

    yield run
    for runtime in runtimes:
        runtime.client.close()


def assert_as_signed(upstream: Upstream, runtime: Runtime) -> None:
    """The provider sees every header that was signed as it was signed, save Host, and the escaped path."""
    ((arrived,), (sent,)) = upstream.requests, runtime.sent
    assert arrived.path.startswith(f"/model/{ESCAPED}/")
    assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIATEST/")
    signed = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date"} <= set(signed)
    for name in {*sent} - {"host", "connection", "content-length"}:
        assert arrived.header(name) == sent[name]
    assert arrived.header("content-length") == sent["content-length"]


def assert_recorded(call: dict[str, Any], endpoint: str) -> None:
    assert (call["status"], call["error"], call["http_status"]) == ("completed", None, 200)
    assert (call["provider"], call["endpoint"], call["request_model"]) == ("bedrock", endpoint, MODEL)
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (13040, 10000, 3000)
    assert call["output_tokens"] == 500
    assert cost(call) == BILL


def event(kind: str, value: object) -> bytes:
    """An event as Bedrock frames it, with the headers that the client wants."""
    extra = b"".join(
        bytes([len(name)]) + name + STRING + len(text).to_bytes(2, "big") + text
        for name, text in ((b":content-type", b"application/json"), (b":message-type", b"event"))
    )
    return message(kind, json.dumps(value).encode(), extra=extra)


def framed(*events: bytes) -> Answer:
    """An event stream whose messages are cut anywhere on their way."""
    data = b"".join(events)
    pieces = tuple(data[at : at + 97] for at in range(0, len(data), 97))
    return Answer(pieces, headers=(("content-type", "application/vnd.amazon.eventstream"),), chunked=True)


CONVERSATION = (
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Good morning"}}),
    event("contentBlockStop", {"contentBlockIndex": 0}),
    event(
        "contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t1", "name": "get_weather"}}}
    ),
    event("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"city": "Kyōto"}'}}}),
    event("contentBlockStop", {"contentBlockIndex": 1}),
    event("messageStop", {"stopReason": "tool_use"}),
    event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}}),
)


def without_connection(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the headers, of which some are the proxy's."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_converse_with_a_tool(play: Play) -> None:
    said_ = {"role": "assistant", "content": [{"text": "Good morning"}, {"toolUse": TOOL}]}
    body = {"output": {"message": said_}, "stopReason": "tool_use", "usage": USAGE, "metrics": {"latencyMs": 7}}
    result, call = play(said(body), lambda ai: without_connection(ai.converse(**ASK)))
    assert result["output"]["message"] == said_
    assert_recorded(call, "converse")
    assert (call["stream"], call["tool_calls"], call["finish_reason"]) == (False, ["get_weather"], "tool_use")


def test_converse_stream(play: Play) -> None:
    result, call = play(framed(*CONVERSATION), lambda ai: list(ai.converse_stream(**ASK)["stream"]))
    assert result[1]["contentBlockDelta"]["delta"]["text"] == "Good morning"
    assert result[-1]["metadata"]["usage"] == USAGE
    assert_recorded(call, "converse-stream")
    assert (call["stream"], call["tool_calls"], call["finish_reason"]) == (True, ["get_weather"], "tool_use")
    assert 0 < call["ttft_ms"] <= call["duration_ms"]


def test_invoke_model(play: Play) -> None:
    usage = {"input_tokens": 40, "output_tokens": 500}
    usage |= {"cache_read_input_tokens": 10000, "cache_creation_input_tokens": 3000}
    body = {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Good"}]}

    def use(ai: Any) -> Any:
        asked = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 900, "messages": ASK["messages"]}
        return json.loads(ai.invoke_model(modelId=MODEL, body=json.dumps(asked))["body"].read())

    result, call = play(said(body | {"stop_reason": "end_turn", "usage": usage}), use)
    assert result["content"][0]["text"] == "Good"
    assert_recorded(call, "invoke")


def test_an_exception_within_a_stream(play: Play) -> None:
    extra = b"".join(
        bytes([len(name)]) + name + STRING + len(text).to_bytes(2, "big") + text
        for name, text in ((b":content-type", b"application/json"), (b":message-type", b"exception"))
    )
    failure = message("throttlingException", b'{"message": "slow down"}', header=":exception-type", extra=extra)

    def use(ai: Any) -> Any:
        stream = ai.converse_stream(**ASK)["stream"]
        with closing(stream), pytest.raises(EventStreamError) as caught:
            list(stream)
        return str(caught.value)

    result, call = play(framed(CONVERSATION[0], failure), use)
    assert "slow down" in result
    assert (call["status"], call["error"], call["error_type"]) == ("failed", "slow down", "throttlingException")


def test_a_refusal(play: Play) -> None:
    refused = said({"message": "no access"}, 403, headers=(("x-amzn-errortype", "AccessDeniedException:http://x/"),))

    def use(ai: Any) -> Any:
        with pytest.raises(ClientError) as caught:
            ai.converse(**ASK)
        return caught.value.response["Error"]

    result, call = play(refused, use)
    assert result == {"Code": "AccessDeniedException", "Message": "no access"}
    assert (call["status"], call["error"], call["http_status"]) == ("failed", "no access", 403)
