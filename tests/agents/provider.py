"""A stand-in provider for real agents: OpenAI chat and Responses, Anthropic, Gemini, plain and streamed.

Ids are random, as those of providers are; tokens are counted by words, so that each answer has a usage of its own.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any

from tests.agents.conversation import Conversation, read
from tests.agents.scripts import Role, Step, answer
from tests.clients.anthropic_dialogue import named as anthropic_events
from tests.clients.openai_dialogue import named as openai_events
from tests.clients.openai_dialogue import sse
from tests.clients.upstream import Answer, Received, Script, events, said

PAUSE = 0.002
"""Seconds before each piece of a stream."""


def provider(roles: tuple[Role, ...]) -> Script:
    """Answer every request of agents that play these roles."""

    def script(request: Received) -> Answer:
        path = request.path.partition("?")[0]
        if request.header("upgrade"):
            return said({"error": {"message": "no websockets here"}}, 426)
        write = next((write for part, write in WRITERS if part in path), None)
        if write is None or not request.line.startswith("POST"):
            return said({"object": "list", "data": [], "models": []})
        if "count" in path.lower():
            return said({"input_tokens": 100, "totalTokens": 100})
        body = request.json
        conversation = read(path, body)
        return write(body, _placed(answer(roles, conversation), conversation), path)

    return script


def _placed(step: Step, said: Conversation) -> Step:
    """The step with the namespaces in which its tools are offered."""
    return step._replace(asks=tuple(ask._replace(namespace=said.tools.get(ask.tool, "")) for ask in step.asks))


def _id(prefix: str) -> str:
    return f"{prefix}{secrets.token_urlsafe(18).replace('-', 'a').replace('_', 'b')}"


def _tokens(body: dict[str, Any]) -> int:
    return len(json.dumps(body).split()) + 50


def _chat(body: dict[str, Any], step: Step, _path: str) -> Answer:
    calls = [
        {"id": _id("call_"), "type": "function", "function": {"name": ask.tool, "arguments": json.dumps(ask.arguments)}}
        for ask in step.asks
    ]
    head = {"id": _id("chatcmpl-"), "created": 1700000000, "model": body["model"]}
    reason = "tool_calls" if calls else "stop"
    usage = {"prompt_tokens": _tokens(body), "completion_tokens": 20, "total_tokens": _tokens(body) + 20}
    if not body.get("stream"):
        message = {"role": "assistant", "content": step.says or None} | ({"tool_calls": calls} if calls else {})
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return said(head | {"object": "chat.completion", "choices": [choice], "usage": usage})
    head |= {"object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if step.says else None}]
    deltas += [{"content": word + " "} for word in step.says.split()]
    deltas += [{"tool_calls": [call | {"index": at}]} for at, call in enumerate(calls)]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append(head | {"choices": [], "usage": usage})
    return events(sse(*chunks), pause=PAUSE)


def _responses(body: dict[str, Any], step: Step, _path: str) -> Answer:
    items: list[dict[str, Any]] = [
        {
            "id": _id("fc_"),
            "type": "function_call",
            "status": "completed",
            "call_id": _id("call_"),
            "name": ask.tool,
            "arguments": json.dumps(ask.arguments),
        }
        | ({"namespace": ask.namespace} if ask.namespace else {})
        for ask in step.asks
    ]
    if step.says:
        part = {"type": "output_text", "text": step.says, "annotations": []}
        items.append(
            {"id": _id("msg_"), "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        )
    usage = {
        "input_tokens": _tokens(body),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": _tokens(body) + 20,
    }
    head = {"id": _id("resp_"), "object": "response", "created_at": 1700000000, "model": body["model"]}
    head |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    done = head | {"status": "completed", "output": items, "usage": usage}
    if not body.get("stream"):
        return said(done)
    steps: list[dict[str, Any]] = [
        {"type": "response.created", "response": head | {"status": "in_progress", "output": [], "usage": None}}
    ]
    for at, item in enumerate(items):
        steps += _item_events(at, item)
    return events(openai_events(*steps, {"type": "response.completed", "response": done}), pause=PAUSE)


def _item_events(at: int, item: dict[str, Any]) -> list[dict[str, Any]]:
    """How an item of a response is streamed."""
    where = {"item_id": item["id"], "output_index": at}
    done = {"type": "response.output_item.done", "output_index": at, "item": item}
    if item["type"] == "function_call":
        words, text = "function_call_arguments", item["arguments"]
        start, end = item | {"arguments": "", "status": "in_progress"}, {"arguments": text, "name": item["name"]}
        parts: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    else:
        words, text = "output_text", item["content"][0]["text"]
        start, end = item | {"content": [], "status": "in_progress"}, {"text": text, "logprobs": []}
        where |= {"content_index": 0}
        part = {"type": "output_text", "annotations": []}
        parts = (
            [{"type": "response.content_part.added", **where, "part": part | {"text": ""}}],
            [{"type": "response.content_part.done", **where, "part": part | {"text": text}}],
        )
    return [
        {"type": "response.output_item.added", "output_index": at, "item": start},
        *parts[0],
        {"type": f"response.{words}.delta", **where, "delta": text, "logprobs": []},
        {"type": f"response.{words}.done", **where, **end},
        *parts[1],
        done,
    ]


def _messages(body: dict[str, Any], step: Step, _path: str) -> Answer:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": step.says}] if step.says else []
    blocks += [{"type": "tool_use", "id": _id("toolu_"), "name": ask.tool, "input": ask.arguments} for ask in step.asks]
    usage = {
        "input_tokens": _tokens(body),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 20,
    }
    reason = "tool_use" if step.asks else "end_turn"
    head = {"id": _id("msg_"), "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
    if not body.get("stream"):
        return said(head | {"content": blocks, "stop_reason": reason, "usage": usage})
    steps: list[dict[str, Any]] = [
        {"type": "message_start", "message": head | {"content": [], "stop_reason": None, "usage": usage}}
    ]
    for at, block in enumerate(blocks):
        tool = block["type"] == "tool_use"
        delta = (
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            if tool
            else {"type": "text_delta", "text": block["text"]}
        )
        empty = {**block, "input": {}} if tool else {**block, "text": ""}
        steps += [
            {"type": "content_block_start", "index": at, "content_block": empty},
            {"type": "content_block_delta", "index": at, "delta": delta},
            {"type": "content_block_stop", "index": at},
        ]
    ended = {"stop_reason": reason, "stop_sequence": None}
    steps += [{"type": "message_delta", "delta": ended, "usage": {"output_tokens": 20}}, {"type": "message_stop"}]
    return events(anthropic_events(*steps), pause=PAUSE)


def _gemini(body: dict[str, Any], step: Step, path: str) -> Answer:
    parts: list[dict[str, Any]] = [{"text": step.says}] if step.says else []
    parts += [{"functionCall": {"name": ask.tool, "args": ask.arguments}} for ask in step.asks]
    usage = {"promptTokenCount": _tokens(body), "candidatesTokenCount": 20, "totalTokenCount": _tokens(body) + 20}
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0, "finishReason": "STOP"}
    model = path.rpartition("/")[2].partition(":")[0]
    value = {"candidates": [candidate], "modelVersion": model, "responseId": _id(""), "usageMetadata": usage}
    if "stream" in path:
        return events([f"data: {json.dumps(value)}\r\n\r\n".encode()], pause=PAUSE)
    return said(value)


WRITERS: tuple[tuple[str, Callable[[dict[str, Any], Step, str], Answer]], ...] = (
    ("/chat/completions", _chat),
    ("/responses", _responses),
    ("/messages", _messages),
    ("enerateContent", _gemini),
    ("ountTokens", _gemini),
)
"""Which part of a path asks for which dialect."""
