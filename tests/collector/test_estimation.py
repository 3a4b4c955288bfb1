"""Tokens that the provider does not tell are counted here, marked, and kept apart from what was billed."""

import json
from decimal import Decimal
from typing import Any

import pytest

from kagura.collector.tokens import count_tokens
from kagura.model import Body, Outcome, Status, Usage, UsageSource
from kagura.store import Store
from tests.collector.recorded import Recorder, body, sse

ASKED: dict[str, Any] = {
    "model": "gpt-4o",
    "stream": True,
    "messages": [{"role": "user", "content": "Tell me a story about a fox."}],
}
STORY = "Once upon a time a quick brown fox jumped over the lazy dog."
WORDS = [word + " " for word in STORY.split()]


def chunk(content: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None} | fields],
    }


def message_start(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_1", "role": "assistant", "model": "claude-sonnet-4-5", "content": [], "usage": usage}
    return {"type": "message_start", "message": message}


def text_delta(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def estimated(usage: Usage | None) -> tuple[int | None, int | None]:
    assert usage is not None
    assert usage.source is UsageSource.ESTIMATED
    return usage.input, usage.output


def test_a_stream_without_usage_is_counted_and_marked(recorder: Recorder) -> None:
    events = [*map(chunk, WORDS), chunk("", finish_reason="stop")]
    span = recorder.call(ASKED, sse(*events, done=True), kind="text/event-stream")
    # "Tell me a story about a fox." is 8 tokens, a message's frame 3, what primes the answer 3; the story is 15
    # with its last space.
    assert estimated(span.usage) == (14, 15)
    assert span.status is Status.COMPLETED
    assert span.cost is not None
    assert span.cost.estimated
    # $2.50 and $10.00 a million tokens
    assert span.cost.total == Decimal("0.000185")
    assert span.attributes["estimate"] == {"method": "o200k_base", "own_encoding": True, "of": ["input", "output"]}
    with Store.open(recorder.settings.db_url) as store:
        total = store.overview().cost
    assert (total.billed, total.estimated, total.unknown_calls) == (Decimal(0), Decimal("0.000185"), 0)


@pytest.mark.parametrize("outcome", [Outcome.CLIENT_CLOSED, Outcome.UPSTREAM_ERROR])
def test_a_cut_stream_is_counted_as_far_as_it_came(recorder: Recorder, outcome: Outcome) -> None:
    span = recorder.call(ASKED, sse(*map(chunk, WORDS[:4])), kind="text/event-stream", outcome=outcome)
    assert span.status is (Status.INTERRUPTED if outcome is Outcome.CLIENT_CLOSED else Status.FAILED)
    assert estimated(span.usage) == (14, 5)
    assert span.cost is not None
    assert span.cost.estimated


def test_tools_reasoning_and_arguments_are_counted(recorder: Recorder) -> None:
    tool = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
    call = {"index": 0, "id": "call_1", "function": {"name": "search", "arguments": '{"query": "foxes in winter"}'}}
    thought: dict[str, Any] = {"id": "1", "choices": [{"index": 0, "delta": {"reasoning_content": "I should search."}}]}
    asked: dict[str, Any] = {"id": "1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    plain = recorder.call(ASKED, sse(chunk("Hm")), kind="text/event-stream")
    span = recorder.call(ASKED | {"tools": [tool]}, sse(thought, asked), kind="text/event-stream", after=2)
    assert span.usage is not None
    assert plain.usage is not None
    assert (
        span.usage.input
        == (plain.usage.input or 0) + count_tokens([json.dumps([tool]).replace(" ", "")], "gpt-4o").tokens
    )
    expected = ("I should search.", "search", '{"query": "foxes in winter"}', "function")
    assert span.usage.output in range(12, 18), expected


def test_a_response_that_was_cut_before_its_end_is_counted(recorder: Recorder) -> None:
    request = {"model": "gpt-4o", "input": "Tell me a story about a fox.", "stream": True}
    response = {"id": "resp_1", "object": "response", "model": "gpt-4o-2024-08-06", "status": "in_progress"}
    events = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "role": "assistant"}},
        *({"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in WORDS),
    ]
    span = recorder.call(request, sse(*events), target="/v1/responses", outcome=Outcome.CLIENT_CLOSED)
    assert estimated(span.usage) == (14, 15)
    assert span.output_preview == STORY


def test_anthropic_s_first_count_is_no_count_of_a_cut_answer(recorder: Recorder) -> None:
    """Fact: `message_start.usage` comes before the answer; only `message_delta` counts it."""
    request = {"model": "claude-sonnet-4-5", "stream": True, "messages": [{"role": "user", "content": "Story!"}]}
    start = message_start(input_tokens=20, cache_read_input_tokens=1000, output_tokens=1)
    span = recorder.call(
        request,
        sse(start, *map(text_delta, WORDS)),
        provider="anthropic",
        target="/v1/messages",
        kind="text/event-stream",
        outcome=Outcome.CLIENT_CLOSED,
    )
    assert estimated(span.usage) == (1020, 15)
    assert span.usage is not None
    assert span.usage.cache_read == 1000
    assert span.attributes["estimate"] == {"method": "o200k_base", "own_encoding": False, "of": ["output"]}


def test_a_counted_answer_stays_the_provider_s(recorder: Recorder) -> None:
    """Fact: litellm closes Anthropic streams before `message_stop`, when everything was said and counted."""
    request = {"model": "claude-sonnet-4-5", "stream": True, "messages": [{"role": "user", "content": "Story!"}]}
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 13}}
    span = recorder.call(
        request,
        sse(message_start(input_tokens=20, output_tokens=1), *map(text_delta, WORDS), delta),
        provider="anthropic",
        target="/v1/messages",
        outcome=Outcome.CLIENT_CLOSED,
    )
    assert span.usage is not None
    assert (span.usage.source, span.usage.output, span.status) == (UsageSource.PROVIDER, 13, Status.COMPLETED)


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (429, {"error": {"message": "Slow down", "type": "rate_limit_error"}}, Outcome.COMPLETED),
        (500, b"oops", Outcome.COMPLETED),
        (None, b"", Outcome.UPSTREAM_ERROR),
        (None, b"", Outcome.CLIENT_CLOSED),
        (200, {"error": {"message": "No capacity", "type": "overloaded"}}, Outcome.COMPLETED),
    ],
)
def test_what_was_refused_or_never_answered_is_not_counted(
    recorder: Recorder, status: int | None, answer: Any, outcome: Outcome
) -> None:
    span = recorder.call(ASKED, answer, status=status, outcome=outcome)
    assert span.usage is None
    assert span.cost is None or span.cost.total is None


def test_pictures_are_named_and_not_counted(recorder: Recorder) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    content = [{"type": "text", "text": "Tell me a story about a fox."}, picture, picture]
    request = ASKED | {"messages": [{"role": "user", "content": content}]}
    span = recorder.call(request, sse(chunk("Hm")), kind="text/event-stream")
    assert estimated(span.usage)[0] == 14
    assert span.attributes["estimate"]["not_counted"] == {"image_url": 2}


def test_a_file_that_a_tool_returned_and_earlier_reasoning_are_not_counted(recorder: Recorder) -> None:
    file = json.dumps({"data": "iVBORw0KGgo" * 1000})
    messages = [
        *ASKED["messages"],
        {"role": "assistant", "content": "", "reasoning_content": STORY * 10},
        {"role": "tool", "tool_call_id": "call_1", "content": file},
    ]
    span = recorder.call(ASKED | {"messages": messages}, sse(chunk("Hm")), kind="text/event-stream")
    assert (estimated(span.usage)[0] or 0) < 35
    assert span.attributes["estimate"]["not_counted"] == {"base64": 1}


def test_a_huge_prompt_is_sampled(recorder: Recorder) -> None:
    request = ASKED | {"messages": [{"role": "user", "content": STORY * 60_000}]}
    span = recorder.call(request, sse(chunk("Hm")), kind="text/event-stream")
    counted = estimated(span.usage)[0] or 0
    assert abs(counted / (60_000 * 13) - 1) < 0.01
    assert 0 < span.attributes["estimate"]["sampled"] < 0.2


def test_an_answer_that_was_copied_in_part_is_scaled_and_a_cut_request_stays_unknown(recorder: Recorder) -> None:
    answer = sse(*map(chunk, WORDS))
    span = recorder.call(ASKED, Body(answer, len(answer) * 3), kind="text/event-stream")
    assert estimated(span.usage) == (14, 45)
    assert span.attributes["estimate"]["captured"] == 0.3333
    start = recorder.ask(ASKED, at=1_790_000_100_000_000)
    whole = body(ASKED).data
    start.request_body = Body(whole[:-10], len(whole))
    recorder.store(start, recorder.answer(start, answer, kind="text/event-stream"))
    assert recorder.spans()[-1].usage is None
