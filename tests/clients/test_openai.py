"""OpenAI's own Python client, blocking: what it gets, what the provider gets, what kagura records."""

import io
import struct
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.clients import openai_dialogue as say
from tests.clients.comparison import Both, bill, cost
from tests.clients.upstream import Answer, Received, events, said

QUESTION: list[Any] = [{"role": "user", "content": "Good morning? 🌅 <b>&"}]
MINI = ("0.15", "0.075", "0.60")
"""gpt-4o-mini: input, cached input, output (https://developers.openai.com/api/docs/pricing, November 2026)."""
CHAT_BILL = bill((1200 - 1024, MINI[0]), (1024, MINI[1]), (340, MINI[2]))
RESPONSES_BILL = bill((2000 - 512, MINI[0]), (512, MINI[1]), (150, MINI[2]))


def client(root: str, **more: Any) -> OpenAI:
    return OpenAI(base_url=f"{root}/v1", api_key="sk-test", **more)


def asking(**more: Any) -> Callable[[str], Any]:
    """A use: one chat completion."""

    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.chat.completions.create(model=say.ASKED, messages=QUESTION, **more)

    return use


def streaming(**more: Any) -> Callable[[str], Any]:
    """A use: one streamed chat completion, as the list of its chunks."""

    def use(root: str) -> Any:
        with client(root) as ai:
            return list(ai.chat.completions.create(model=say.ASKED, messages=QUESTION, stream=True, **more))

    return use


def failing(use: Callable[[str], Any], kind: type[openai.APIError]) -> Callable[[str], Any]:
    """A use that must fail so; gives what the error says."""

    def fail(root: str) -> Any:
        with pytest.raises(kind) as caught:
            use(root)
        error = caught.value
        answered = (error.status_code, error.request_id) if isinstance(error, openai.APIStatusError) else ()
        return type(error), error.message, error.body, answered

    return fail


def assert_chat(call: dict[str, Any]) -> None:
    """The numbers that every scripted chat answer has."""
    assert (call["status"], call["error"], call["http_status"]) == ("completed", None, 200)
    assert (call["provider"], call["endpoint"], call["kind"]) == ("openai", "chat/completions", "llm")
    assert (call["request_model"], call["response_model"]) == (say.ASKED, say.SERVED)
    assert (call["input_tokens"], call["cache_read_tokens"]) == (1200, 1024)
    assert (call["output_tokens"], call["reasoning_tokens"]) == (340, 64)
    assert call["usage_source"] == "provider"
    assert cost(call) == CHAT_BILL
    assert 0 < call["ttft_ms"] <= call["duration_ms"]


def test_a_plain_answer(both: Both) -> None:
    seen = both([say.chat({"content": "Good morning"})], asking())
    assert seen.result.choices[0].message.content == "Good morning"
    assert_chat(seen.call)
    assert (seen.call["stream"], seen.call["finish_reason"], seen.call["tool_calls"]) == (False, "stop", [])


def test_a_stream_that_asks_for_no_usage_has_its_tokens_and_the_client_sees_none(both: Both) -> None:
    seen = both([say.chat_stream(*say.words("Good morning to you"))], streaming(), asks_usage=True)
    assert all(chunk.usage is None for chunk in seen.result)
    assert_chat(seen.call)
    assert (seen.call["stream"], seen.call["finish_reason"]) == (True, "stop")


def test_a_stream_that_asks_for_usage_keeps_it(both: Both) -> None:
    seen = both([say.chat_stream(*say.words("Hello"))], streaming(stream_options={"include_usage": True}))
    assert seen.result[-1].usage.total_tokens == 1540
    assert_chat(seen.call)


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_compressed_answers(both: Both, coding: str) -> None:
    answers = [say.chat({"content": "Good morning"}, coding=coding)]
    seen = both([*answers], asking())
    assert coding in seen.requests[0].header("accept-encoding")
    assert_chat(seen.call)


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_compressed_streams(both: Both, coding: str) -> None:
    stream = say.chat_stream(*say.words("Good morning to you"), coding=coding)
    assert_chat(both([stream], streaming(), asks_usage=True).call)


def test_parallel_tools_in_pieces(both: Both) -> None:
    stream = say.chat_stream(*say.tools_in_pieces(), reason="tool_calls")
    seen = both([stream], streaming(tools=say.TOOLS), asks_usage=True)
    assert_chat(seen.call)
    assert seen.call["tool_calls"] == ["get_weather", "get_time"]
    assert seen.call["finish_reason"] == "tool_calls"


def test_the_stream_helper_puts_tools_together(both: Both) -> None:
    def use(root: str) -> Any:
        with (
            client(root) as ai,
            ai.chat.completions.stream(model=say.ASKED, messages=QUESTION, tools=say.TOOLS) as stream,
        ):
            calls = stream.get_final_completion().choices[0].message.tool_calls or []
            return [(call.id, call.function.name, call.function.arguments) for call in calls]

    seen = both([say.chat_stream(*say.tools_in_pieces(), reason="tool_calls")], use, asks_usage=True)
    assert seen.result == [(call["id"], *call["function"].values()) for call in say.PARALLEL]


def test_an_agent_loop_with_tools(both: Both) -> None:
    def use(root: str) -> Any:
        messages = list(QUESTION)
        with client(root) as ai:
            answer = ai.chat.completions.create(model=say.ASKED, messages=messages, tools=say.TOOLS)
            messages.append(answer.choices[0].message)
            calls = answer.choices[0].message.tool_calls or []
            messages += [{"role": "tool", "tool_call_id": call.id, "content": "18 °C"} for call in calls]
            return ai.chat.completions.create(model=say.ASKED, messages=messages, tools=say.TOOLS)

    seen = both([say.chat({"tool_calls": say.PARALLEL}, "tool_calls"), say.chat({"content": "18 °C"})], use)
    first, second = seen.calls
    assert_chat(first)
    assert_chat(second)
    assert (first["tool_calls"], second["tool_calls"]) == (["get_weather", "get_time"], [])


def test_a_rate_limit_and_the_retry_are_two_calls(both: Both) -> None:
    limit = say.error(429, "slow down", "rate_limit_exceeded", retry_after="0", retry_after_ms="10")
    seen = both([limit, say.chat({"content": "Good morning"})], asking())
    refused, answered = seen.calls
    assert (refused["status"], refused["http_status"], refused["error"]) == ("failed", 429, "slow down")
    assert (refused["cost_usd"], refused["input_tokens"]) == (None, None)
    assert_chat(answered)


def test_a_rate_limit_reaches_a_client_that_does_not_retry(both: Both) -> None:
    limit = say.error(429, "slow down", "rate_limit_exceeded", retry_after="7")

    def use(root: str) -> Any:
        with client(root, max_retries=0) as ai, pytest.raises(openai.RateLimitError) as caught:
            ai.chat.completions.create(model=say.ASKED, messages=QUESTION)
        return caught.value.response.headers["retry-after"], caught.value.body

    assert both([limit], use).result[0] == "7"


def test_a_refusal(both: Both) -> None:
    refusal = say.error(400, "no such parameter: 'wit'", "invalid_request_error")
    seen = both([refusal], failing(asking(extra_body={"wit": 3}), openai.BadRequestError))
    call = seen.call
    assert (call["status"], call["http_status"]) == ("failed", 400)
    assert (call["error"], call["error_type"]) == ("no such parameter: 'wit'", "invalid_request_error")
    assert (call["cost_usd"], call["finish_reason"]) == (None, None)


def test_an_error_inside_a_stream(both: Both) -> None:
    chunk = {"error": {"message": "the model fell over", "type": "server_error", "code": None, "param": None}}
    seen = both([events(say.sse(chunk))], failing(streaming(), openai.APIError), asks_usage=True)
    assert (seen.call["status"], seen.call["error"]) == ("failed", "the model fell over")
    assert seen.call["http_status"] == 200


def test_a_stream_that_the_provider_cuts(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root, max_retries=0) as ai:
            stream = ai.chat.completions.create(model=say.ASKED, messages=QUESTION, stream=True)
            read: list[Any] = []
            try:
                read.extend(stream)
            except Exception as error:  # the client's own, or its HTTP library's, as its version has it
                return type(error), str(error), read
            raise AssertionError("the client took half a stream for a whole one")

    def cut(request: Received) -> Answer:
        whole = say.chat_stream(*say.words("Good morning"))(request)
        return whole._replace(pieces=whole.pieces[:2], cut=True)

    seen = both([cut], use, asks_usage=True)
    assert len(seen.result[2]) == 2
    assert seen.call["outcome"] == "upstream_error"


def test_raw_responses_carry_the_same_bytes_and_headers(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            raw = ai.chat.completions.with_raw_response.create(model=say.ASKED, messages=QUESTION)
            headers = [(name, value) for name, value in raw.headers.multi_items() if not name.startswith("x-kagura-")]
            return raw.status_code, sorted(headers), raw.content, raw.request_id

    _, headers, _, request_id = both([say.chat({"content": "Good morning"})], use).result
    assert [value for name, value in headers if name == "set-cookie"] == ["a=1; Path=/", "b=2; Path=/"]
    assert request_id == "req_0123"


def test_the_call_id_in_the_answer_is_the_recorded_one(both: Both) -> None:
    ids: list[str | None] = []

    def use(root: str) -> None:
        with client(root) as ai:
            raw = ai.chat.completions.with_raw_response.create(model=say.ASKED, messages=QUESTION)
            ids.append(raw.headers.get("x-kagura-call-id"))

    seen = both([say.chat({"content": "Good morning"})], use)
    assert ids == [None, seen.call["id"]]


def test_the_first_chunk_comes_when_the_provider_sends_it(both: Both) -> None:
    def use(root: str) -> None:
        begun = time.monotonic()
        with client(root) as ai:
            stream = ai.chat.completions.create(model=say.ASKED, messages=QUESTION, stream=True)
            next(iter(stream))
            first.append(time.monotonic() - begun)
            list(stream)
            last.append(time.monotonic() - begun)

    first: list[float] = []
    last: list[float] = []
    seen = both([say.chat_stream(*say.words("one two three four"), pause=0.06)], use, asks_usage=True)
    assert last[1] - first[1] > 0.25
    assert seen.call["ttft_ms"] > 55
    assert seen.call["duration_ms"] - seen.call["ttft_ms"] > 250


def test_a_client_that_leaves_a_stream_interrupts_it(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            stream = ai.chat.completions.create(model=say.ASKED, messages=QUESTION, stream=True)
            chunk = next(iter(stream))
            stream.close()
            return chunk

    long = say.chat_stream(*say.words("word " * 400), pause=0.05)
    call = both([long], use, asks_usage=True).call
    assert (call["status"], call["outcome"]) == ("interrupted", "client_closed")
    assert (call["usage_source"], call["cost_estimated"]) == ("estimated", True)
    assert call["duration_ms"] < 10_000


def test_a_plain_response(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.responses.create(model=say.ASKED, input="Good morning?", instructions="Be brief.")

    seen = both([said(say.response(say.MESSAGE_ITEM))], use)
    assert seen.result.output_text == "Good morning"
    assert_response(seen.call, stream=False)
    assert seen.call["tool_calls"] == []


def test_a_streamed_response_with_a_tool(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return list(ai.responses.create(model=say.ASKED, input="Weather?", stream=True))

    seen = both([say.response_stream()], use)
    assert seen.result[-1].response.output[1].name == "get_weather"
    assert_response(seen.call, stream=True)
    assert seen.call["tool_calls"] == ["get_weather"]


def assert_response(call: dict[str, Any], *, stream: bool) -> None:
    assert (call["status"], call["endpoint"], call["stream"]) == ("completed", "responses", stream)
    assert (call["input_tokens"], call["cache_read_tokens"]) == (2000, 512)
    assert (call["output_tokens"], call["reasoning_tokens"]) == (150, 128)
    assert cost(call) == RESPONSES_BILL
    assert call["finish_reason"] == "completed"


def test_embeddings(both: Both) -> None:
    vector = b64encode(struct.pack("<3f", 0.25, -1.5, 3.0)).decode()

    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.embeddings.create(model="text-embedding-3-small", input=["a", "b"])

    seen = both([say.embeddings(vector, vector)], use)
    assert seen.result.data[1].embedding == [0.25, -1.5, 3.0]
    assert (seen.call["kind"], seen.call["input_tokens"]) == ("embedding", 9000)
    assert cost(seen.call) == bill((9000, "0.02"))


def test_legacy_completions(both: Both) -> None:
    def use(root: str) -> Any:
        with client(root) as ai:
            return ai.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once", max_tokens=16)

    seen = both([say.completion()], use)
    assert (seen.call["endpoint"], seen.call["finish_reason"]) == ("completions", "length")
    assert cost(seen.call) == bill((100, "1.50"), (16, "2.00"))


def test_what_bills_nothing_passes_too(both: Both) -> None:
    model = {"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "openai"}
    stored = {
        "id": "file-1",
        "object": "file",
        "bytes": 9,
        "created_at": 1,
        "filename": "a.jsonl",
        "purpose": "batch",
        "status": "processed",
    }

    def use(root: str) -> Any:
        with client(root) as ai:
            models = list(ai.models.list())
            return models, ai.files.create(file=("a.jsonl", io.BytesIO(b'{"a": 1}\n')), purpose="batch")

    seen = both([said({"object": "list", "data": [model]}), said(stored)], use)
    assert [call["endpoint"] for call in seen.calls] == ["models", "files"]
    assert [call["cost_usd"] for call in seen.calls] == [None, None]
    assert b'{"a": 1}\n' in seen.requests[1].body
