"""What OpenAI's API says: chat, Responses, embeddings, completions. Numbers and words are made up."""

import json
from typing import Any

from tests.clients.upstream import Answer, Received, Script, events, said

ASKED, SERVED = "gpt-4o-mini", "gpt-4o-mini-2024-07-18"
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "strict": True,
            "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        },
    }
    for name in ("get_weather", "get_time")
]
CHAT_USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 340,
    "total_tokens": 1540,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 64},
}
RESPONSES_USAGE = {
    "input_tokens": 2000,
    "input_tokens_details": {"cached_tokens": 512},
    "output_tokens": 150,
    "output_tokens_details": {"reasoning_tokens": 128},
    "total_tokens": 2150,
}


def chat(message: dict[str, Any], reason: str = "stop", **more: Any) -> Answer:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": reason}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": SERVED}
    return said(head | {"choices": [choice], "usage": CHAT_USAGE}, **more)


def tool_call(id_: str, name: str, arguments: str) -> dict[str, Any]:
    """A tool call as it stands in a message."""
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


PARALLEL = [
    tool_call("call_a", "get_weather", '{"city": "Kyōto"}'),
    tool_call("call_b", "get_time", '{"zone": "Asia/Tokyo"}'),
]


def sse(*values: object) -> list[bytes]:
    """Events with data alone, and `[DONE]`."""
    lines = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    return [f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"]]


def chat_stream(*deltas: dict[str, Any], reason: str = "stop", **more: Any) -> Script:
    """A chat stream, which tells its usage only where the request asks for it."""

    def script(request: Received) -> Answer:
        head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1700000000, "model": SERVED}
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        beside = {"usage": None} if asked else {}
        chunks: list[dict[str, Any]] = [
            head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} | beside for delta in deltas
        ]
        chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]} | beside)
        if asked:
            chunks.append(head | {"choices": [], "usage": CHAT_USAGE})
        return events(sse(*chunks), **more)

    return script


def words(text: str) -> list[dict[str, Any]]:
    """The deltas of a text."""
    return [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in text.split())]


def tools_in_pieces() -> list[dict[str, Any]]:
    """The deltas of two tool calls side by side, their arguments cut anywhere."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for index, call in enumerate(PARALLEL):
        text = call["function"]["arguments"]
        start = call | {"index": index, "function": call["function"] | {"arguments": ""}}
        deltas.append({"tool_calls": [start]})
        pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    return deltas


def error(status: int, message: str, kind: str, **headers: str) -> Answer:
    """An error in OpenAI's shape."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    return said(body, status, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def response(*output: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """A response object of the Responses API."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": status,
        "model": SERVED,
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": RESPONSES_USAGE if status == "completed" else None,
    }


MESSAGE_ITEM = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Good morning", "annotations": []}],
}
FUNCTION_ITEM = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_a",
    "name": "get_weather",
    "arguments": '{"city": "Kyōto"}',
}


def named(*values: dict[str, Any]) -> list[bytes]:
    """Events that carry their type as name and in their data, and a number."""
    return [
        f"event: {value['type']}\ndata: {json.dumps(value | {'sequence_number': at})}\n\n".encode()
        for at, value in enumerate(values)
    ]


def response_stream() -> Answer:
    """A streamed response: a message, then a function call."""
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    called = {"item_id": "fc_1", "output_index": 1}
    arguments = FUNCTION_ITEM["arguments"]
    return events(
        named(
            {"type": "response.created", "response": response(status="in_progress")},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": MESSAGE_ITEM | {"content": [], "status": "in_progress"},
            },
            {"type": "response.content_part.added", **at, "part": part},
            {"type": "response.output_text.delta", **at, "delta": "Good ", "logprobs": []},
            {"type": "response.output_text.delta", **at, "delta": "morning", "logprobs": []},
            {"type": "response.output_text.done", **at, "text": "Good morning", "logprobs": []},
            {"type": "response.content_part.done", **at, "part": part | {"text": "Good morning"}},
            {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE_ITEM},
            {"type": "response.output_item.added", "output_index": 1, "item": FUNCTION_ITEM | {"arguments": ""}},
            {"type": "response.function_call_arguments.delta", **called, "delta": arguments[:9]},
            {"type": "response.function_call_arguments.delta", **called, "delta": arguments[9:]},
            {
                "type": "response.function_call_arguments.done",
                **called,
                "name": "get_weather",
                "arguments": arguments,
            },
            {"type": "response.output_item.done", "output_index": 1, "item": FUNCTION_ITEM},
            {"type": "response.completed", "response": response(MESSAGE_ITEM, FUNCTION_ITEM)},
        )
    )


def embeddings(*vectors: str | list[float]) -> Answer:
    """An answer of the embeddings endpoint."""
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 9000, "total_tokens": 9000}
    return said({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})


def completion() -> Answer:
    """An answer of the legacy completions endpoint."""
    return said(
        {
            "id": "cmpl-1",
            "object": "text_completion",
            "created": 1700000000,
            "model": "gpt-3.5-turbo-instruct:20230824-v2",
            "choices": [{"text": " upon a time", "index": 0, "logprobs": None, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 16, "total_tokens": 116},
        }
    )
