import json

from kagura.model import ToolCall
from tests.providers.dialogue import call

ASK = {"model": "llama3.1", "messages": [{"role": "user", "content": "Hi"}]}
END = {"model": "llama3.1", "done": True, "done_reason": "stop", "prompt_eval_count": 13, "eval_count": 10}


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_chat_in_one_object_and_in_lines() -> None:
    whole = END | {"message": {"role": "assistant", "content": "Hello"}}
    parts = lines(
        {"message": {"role": "assistant", "content": "Hel"}, "done": False}, END | {"message": {"content": "lo"}}
    )
    for answer, stream in ((whole, False), (parts, True)):
        read = call("/api/chat", answer, ASK, provider="ollama", content_type="application/x-ndjson")
        assert (read.stream, read.complete, read.finish_reason) == (stream, True, "stop")
        assert read.usage and (read.usage.input, read.usage.output) == (13, 10)
        assert read.output_messages[0].content == {"role": "assistant", "content": "Hello"}


def test_generate() -> None:
    answer = lines({"model": "llama3", "response": "He", "done": False}, END | {"response": "y"})
    read = call("/api/generate", answer, {"model": "llama3", "prompt": "Hi"}, provider="ollama")
    assert (read.output_messages[0].text, read.input_messages[0].text) == ("Hey", "Hi")


def test_a_prompt_that_was_cached_whole_has_no_count() -> None:
    answer = {"model": "llama3", "response": "Hi", "done": True, "eval_count": 79}
    read = call("/api/generate", answer, {"model": "llama3", "prompt": "Hi"}, provider="ollama")
    assert read.usage and (read.usage.input, read.usage.output) == (None, 79)


def test_tool_calls_and_a_stream_that_was_cut() -> None:
    tool = {"function": {"name": "ls", "arguments": {"a": 1}}}
    answer = lines({"message": {"content": "", "tool_calls": [tool]}, "done": False}, {"message": {}, "done": False})
    read = call("/api/chat", answer, ASK, provider="ollama")
    assert read.tool_calls == [ToolCall(name="ls", arguments={"a": 1})]
    assert read.output_messages[0].content == {"role": "assistant", "content": "", "tool_calls": [tool]}
    assert not read.complete
