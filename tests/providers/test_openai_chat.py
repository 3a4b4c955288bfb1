from decimal import Decimal
from typing import Any

from kagura.model import JsonObject, ToolCall
from tests.providers.dialogue import call, sse

PATH = "/v1/chat/completions"
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0, "user": "u-1"}


def usage(prompt: int = 10, completion: int = 5, **more: object) -> JsonObject:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion} | more


def whole(**fields: object) -> JsonObject:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "choices": [choice], "usage": usage()} | fields


def chunk(delta: object = None, finish: str | None = None, **fields: object) -> JsonObject:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "choices": choices} | fields


def tool(index: int | None = None, id_: str | None = None, name: str | None = None, arguments: str = "") -> JsonObject:
    piece: JsonObject = {"id": id_, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [piece if index is None else piece | {"index": index}]}


def test_a_plain_answer() -> None:
    read = call(PATH, whole(service_tier="default"), ASK)
    assert (read.endpoint, read.request_model, read.response_model) == (
        "chat/completions",
        "gpt-4o",
        "gpt-4o-2024-08-06",
    )
    assert (read.response_id, read.finish_reason, read.stream, read.complete) == ("chatcmpl-1", "stop", False, True)
    assert read.usage and (read.usage.input, read.usage.output, read.usage.service_tier) == (10, 5, "default")
    assert read.parameters == {"model": "gpt-4o", "temperature": 0, "user": "u-1"}
    assert read.end_user == "u-1"
    assert [(sent.role, sent.text) for sent in read.input_messages] == [("user", "Hi")]
    assert read.output_messages[0].content == {"role": "assistant", "content": "Hello"}


def test_a_stream_becomes_the_message_that_the_client_sends_back() -> None:
    stream = sse(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Let me "}),
        chunk({"content": "look."}),
        chunk(tool(0, "call_1", "weather", "")),
        chunk(tool(0, arguments='{"city": ')),
        chunk(tool(0, arguments='"Kyoto"}')),
        chunk(tool(1, "call_2", "time", "{}")),
        chunk({}, "tool_calls"),
        chunk(usage=usage()),
        done=True,
    )
    read = call(PATH, stream, ASK)
    assert read.stream and read.complete
    assert read.finish_reason == "tool_calls"
    assert read.tool_calls == [
        ToolCall(name="weather", id="call_1", arguments={"city": "Kyoto"}),
        ToolCall(name="time", id="call_2", arguments={}),
    ]
    assert read.output_messages[0].content == {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Kyoto"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ],
    }


def test_streams_without_include_usage_have_no_usage() -> None:
    read = call(PATH, sse(chunk({"content": "Hi"}), chunk({}, "stop"), done=True), ASK)
    assert read.usage is None
    assert read.complete


def test_the_usage_chunk_may_still_have_choices() -> None:
    read = call(PATH, sse(chunk({"content": "Hi"}), chunk({"content": ""}, "stop", usage=usage()), done=True), ASK)
    assert read.usage and read.usage.output == 5


def test_openai_audio_sends_another_chunk_after_the_usage() -> None:
    read = call(PATH, sse(chunk({"content": "Hi"}, "stop"), chunk(usage=usage()), chunk(usage=None), done=True), ASK)
    assert read.usage and read.usage.input == 10


def test_groq_reports_usage_under_x_groq_and_moonshot_in_the_choice() -> None:
    groq = sse(chunk({"content": "Hi"}), chunk({}, "stop", x_groq={"id": "req", "usage": usage(7)}), done=True)
    assert (read := call(PATH, groq, ASK, provider="groq")).usage and read.usage.input == 7
    moon = chunk({"content": "Hi"})
    moon["choices"][0] |= {"finish_reason": "stop", "usage": usage(8)}
    assert (read := call(PATH, sse(moon), ASK, provider="moonshot")).usage and read.usage.input == 8


def test_the_last_running_usage_counts() -> None:
    read = call(
        PATH, sse(chunk({"content": "a"}, usage=usage(10, 1)), chunk({"content": "b"}, usage=usage(10, 2))), ASK
    )
    assert read.usage and read.usage.output == 2


def test_prompt_tokens_include_cached_ones_and_completion_tokens_reasoning() -> None:
    counted = usage(
        100, 50, prompt_tokens_details={"cached_tokens": 64}, completion_tokens_details={"reasoning_tokens": 40}
    )
    found = call(PATH, whole(usage=counted), ASK).usage
    assert found and (found.input, found.cache_read, found.output, found.reasoning) == (100, 64, 50, 40)
    assert found.raw == counted


def test_xai_keeps_reasoning_outside_completion_tokens() -> None:
    counted = {
        "prompt_tokens": 20,
        "completion_tokens": 4,
        "total_tokens": 124,
        "completion_tokens_details": {"reasoning_tokens": 100},
        "cost_in_usd_ticks": 1_707_000,
    }
    found = call(PATH, whole(usage=counted), ASK, provider="xai").usage
    assert found and (found.output, found.reasoning) == (104, 100)
    assert found.provider_cost == Decimal("0.0001707")
    del counted["total_tokens"]
    assert (found := call(PATH, whole(usage=counted), ASK, provider="xai").usage) and found.output == 104
    assert (found := call(PATH, whole(usage=counted), ASK, provider="openai").usage) and found.output == 4


def test_azure_grok_can_report_more_cached_than_prompt_tokens() -> None:
    read = call(PATH, whole(usage=usage(7, 1, prompt_tokens_details={"cached_tokens": 161})), ASK, provider="azure")
    assert read.usage and (read.usage.input, read.usage.cache_read) == (7, 161)
    assert read.notes == ["more cached than input tokens"]


def test_openrouter_and_vercel_can_report_more_reasoning_than_completion() -> None:
    read = call(PATH, whole(usage=usage(7, 10, completion_tokens_details={"reasoning_tokens": 12})), ASK)
    assert read.usage and (read.usage.output, read.usage.reasoning) == (10, 12)
    assert read.notes == ["more reasoning than output tokens"]


def test_mistral_keeps_audio_outside_prompt_tokens() -> None:
    counted = {
        "prompt_tokens": 5,
        "completion_tokens": 20,
        "total_tokens": 400,
        "prompt_audio_seconds": 3,
        "prompt_tokens_details": {"audio_tokens": 375},
    }
    found = call(PATH, whole(usage=counted), ASK, provider="mistral").usage
    assert found and (found.input, found.audio_input, found.units) == (380, 375, {"seconds": Decimal(3)})


def test_geminis_openai_endpoint_shows_thoughts_only_in_the_total() -> None:
    counted = {"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 112}
    found = call("/v1beta/openai/chat/completions", whole(usage=counted), ASK, provider="gemini").usage
    assert found and (found.output, found.reasoning) == (104, 100)
    assert (found := call(PATH, whole(usage=counted), ASK).usage) and found.output == 4


def test_cached_tokens_stand_under_other_names() -> None:
    for name in ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens"):
        found = call(PATH, whole(usage=usage(**{name: 6})), ASK).usage
        assert found and found.cache_read == 6


def test_costs_that_providers_report_win() -> None:
    costs: list[tuple[str, JsonObject, str | None]] = [
        ("openrouter", {"cost": 0.00014}, "0.00014"),
        ("openrouter", {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 6.3e-06}}, "0.0000063"),
        ("vercel", {"cost": 0, "is_byok": True}, None),
        ("perplexity", {"cost": {"total_cost": 0.00502, "request_cost": 0.005}}, "0.00502"),
        ("charm-hyper", {"cost": {"usd": 0.0001, "hypercredits": 0.002}}, "0.0001"),
        ("openai", {}, None),
    ]
    for provider, fields, expected in costs:
        found = call(PATH, whole(usage=usage(**fields)), ASK, provider=provider).usage
        assert found and found.provider_cost == (None if expected is None else Decimal(expected)), provider


def test_chat_streams_without_done_are_complete_by_their_finish_reason() -> None:
    assert call(PATH, sse(chunk({"content": "Hi"}), chunk({}, "stop")), ASK).complete
    assert not call(PATH, sse(chunk({"content": "Hi"})), ASK).complete


def test_errors_inside_a_200_stream() -> None:
    broken = {"error": {"message": "over capacity", "type": "server_error", "code": 503}}
    for stream in (sse(chunk({"content": "Hi"}), broken), sse(chunk({"content": "Hi"}), ("error", broken))):
        read = call(PATH, stream, ASK, provider="groq")
        assert read.error and (read.error.message, read.error.type) == ("over capacity", "server_error")
        assert not read.complete
        assert read.output_messages[0].text == "Hi"


def test_openrouter_reports_an_error_in_a_choice() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "upstream died"}}
    read = call(PATH, sse(chunk() | {"choices": [choice]}), ASK, provider="openrouter")
    assert read.error and (read.error.message, read.error.type) == ("upstream died", "502")


def test_an_azure_200_can_be_an_error_body() -> None:
    read = call(PATH, {"error": {"code": "content_filter", "message": "blocked"}}, ASK, provider="azure")
    assert read.error and (read.error.message, read.error.type) == ("blocked", "content_filter")


def test_tool_calls_alone_in_a_delta_and_without_an_index() -> None:
    stream = sse(
        chunk(tool(None, "a", "plus", '{"x": 1}')), chunk(tool(None, "b", "minus", '{"x": 2}')), chunk({}, "tool_calls")
    )
    read = call(PATH, stream, ASK, provider="mistral")
    assert [(found.name, found.arguments) for found in read.tool_calls] == [("plus", {"x": 1}), ("minus", {"x": 2})]


def test_an_index_used_again_with_another_id_is_another_call() -> None:
    stream = sse(chunk(tool(0, "a", "plus", "{}")), chunk(tool(0, "b", "minus", "{}")), chunk({}, "tool_calls"))
    assert [found.id for found in call(PATH, stream, ASK).tool_calls] == ["a", "b"]


def test_custom_tools_and_function_calls() -> None:
    custom = {"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "sql", "input": "select"}}]}
    more = {"tool_calls": [{"index": 0, "custom": {"input": " 1"}}]}
    read = call(PATH, sse(chunk(custom), chunk(more), chunk({}, "tool_calls")), ASK)
    assert read.tool_calls == [ToolCall(name="sql", id="c", arguments="select 1")]
    old = [{"function_call": {"name": "f", "arguments": '{"a"'}}, {"function_call": {"arguments": ": 1}"}}]
    read = call(PATH, sse(*(chunk(delta) for delta in old), chunk({}, "function_call")), ASK)
    assert read.tool_calls == [ToolCall(name="f", arguments={"a": 1})]


def test_arguments_that_are_no_json_stay_text() -> None:
    read = call(PATH, sse(chunk(tool(0, "a", "f", '{"cut')), chunk({}, "length")), ASK)
    assert read.tool_calls[0].arguments == '{"cut'


def test_reasoning_is_part_of_the_message() -> None:
    read = call(
        PATH, sse(chunk({"reasoning_content": "Hm"}), chunk({"reasoning_content": "m"}), chunk({}, "stop")), ASK
    )
    assert read.output_messages[0].content == {"role": "assistant", "content": None, "reasoning_content": "Hmm"}


def test_mistrals_content_may_be_a_list_of_parts() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    read = call(PATH, sse(chunk({"content": [thought]}), chunk({"content": "Yes"}), chunk({}, "stop")), ASK)
    assert read.output_messages[0].content["content"] == [thought, {"type": "text", "text": "Yes"}]


def test_several_choices_are_kept_apart() -> None:
    chunks: list[Any] = [
        {"choices": [{"index": index, "delta": {"content": said}, "finish_reason": reason}]}
        for index, said, reason in [(0, "a", None), (1, "b", None), (0, "c", "length"), (1, "d", "stop")]
    ]
    read = call(PATH, sse(*chunks, done=True), ASK)
    assert [sent.text for sent in read.output_messages] == ["ac", "bd"]
    assert read.finish_reason == "length"


def test_legacy_completions_and_fill_in_the_middle() -> None:
    answer = {"id": "cmpl-1", "model": "m", "choices": [{"text": " there", "index": 0, "finish_reason": "stop"}]}
    read = call("/v1/completions", answer, {"model": "m", "prompt": "Hi"})
    assert ([sent.text for sent in read.input_messages], read.output_messages[0].text) == (["Hi"], " there")
    fim = sse({"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}], "usage": usage(3, 1)})
    read = call("/v1/fim/completions", fim, {"model": "codestral", "prompt": "a", "suffix": "c"}, provider="mistral")
    assert read.usage and (read.usage.input, read.finish_reason) == (3, "stop")
    assert read.parameters == {"model": "codestral", "suffix": "c"}


def test_fields_that_say_nothing_hide_none_that_do() -> None:
    """Snowflake fills each field of the schema."""
    tool = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}, "custom": {"name": ""}}
    said = {"role": "assistant", "content": "", "tool_calls": [tool]}
    found = call(PATH, {"choices": [{"index": 0, "finish_reason": "", "message": said}]}, provider="snowflake")
    assert ([asked.name for asked in found.tool_calls], found.finish_reason) == (["look"], None)
    chunk = {"choices": [{"delta": {"tool_calls": [tool | {"index": 0}]}}]}
    found = call(PATH, sse(chunk, done=True), provider="snowflake")
    assert [asked.name for asked in found.tool_calls] == ["look"]


def test_finish_details_are_a_finish_reason() -> None:
    """GPT-4 with vision, in its preview."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_details": {"type": "max_tokens"}}
    assert call(PATH, {"choices": [choice]}).finish_reason == "max_tokens"


def test_llama_cpp_counts_in_timings_where_usage_was_not_asked_for() -> None:
    timings = {"cache_n": 80, "prompt_n": 4, "predicted_n": 47, "predicted_ms": 391.7}
    stream = sse(
        {"choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "timings": timings},
        done=True,
    )
    usage = call(PATH, stream).usage
    assert usage and (usage.input, usage.cache_read, usage.output) == (84, 80, 47)
    counted = {"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92}
    usage = call(PATH, {"choices": [], "usage": counted, "timings": timings}).usage
    assert usage and (usage.input, usage.output) == (90, 2)


def test_what_a_provider_says_it_billed() -> None:
    """DeepInfra estimates; a Grok on Azure says nothing with its zero; a free model costs nothing indeed;
    Copilot tells its credits beside the usage."""
    counts = {"prompt_tokens": 15, "completion_tokens": 2, "total_tokens": 17}
    for field, said, billed in (
        ("estimated_cost", 3.8e-07, Decimal("3.8e-07")),
        ("cost_in_usd_ticks", 0, None),
        ("cost", 0, Decimal(0)),
    ):
        usage = call(PATH, {"choices": [], "usage": counts | {field: said}}).usage
        assert usage and usage.provider_cost == billed, field
    credits = {"copilot_usage": {"total_nano_aiu": 726_775_000}}
    usage = call(PATH, {"choices": [], "usage": counts} | credits, provider="github-copilot").usage
    assert usage and usage.provider_cost == Decimal("0.00726775")
