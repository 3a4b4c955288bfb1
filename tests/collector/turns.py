"""Dialogues of agents in several dialects, as requests and answers."""

from typing import Any

from kagura.model import Span
from tests.collector.recorded import SECOND, Recorder, T

QUESTION = {"role": "user", "content": "How warm is it in Kyoto and in Nara?"}
SYSTEM = {"role": "system", "content": "You know the weather."}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
KYOTO, NARA = "call_a1B2c3D4e5F6g7H8", "call_z9Y8x7W6v5U4t3S2"


def asks(*calls: tuple[str, str, str], content: str | None = None) -> dict[str, Any]:
    """An assistant's message that asks for tools: id, name, arguments as text."""
    tools = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id, name, arguments in calls
    ]
    return {"role": "assistant", "content": content, "tool_calls": tools}


def brings(id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content}


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


WEATHER = asks((KYOTO, "weather", '{"city": "Kyoto"}'), (NARA, "weather", '{"city": "Nara"}'))
RESULTS = [brings(KYOTO, "21 degrees"), brings(NARA, "19 degrees")]


class Talk:
    """One program that talks to a provider, a call every ten seconds."""

    def __init__(self, recorder: Recorder, start: int = 0) -> None:
        self.recorder = recorder
        self.at = T + start * SECOND

    def chat(self, messages: list[Any], answer: Any, **fields: Any) -> Span:
        """A call to OpenAI's chat API."""
        parameters = fields.pop("parameters", {})
        body = {"model": "gpt-4o", "messages": messages, **parameters}
        said = {"id": f"chatcmpl-{self.at}", "model": "gpt-4o", "choices": [{"index": 0, "message": answer}]}
        return self._call(body, said, **fields)

    def messages(self, request: dict[str, Any], content: list[Any], **fields: Any) -> Span:
        """A call to Anthropic's messages API."""
        said = {"id": f"msg_{self.at}", "type": "message", "role": "assistant", "content": content}
        body = {"model": "claude-sonnet-4-5", "max_tokens": 100, **request}
        return self._call(body, said, provider="anthropic", target="/v1/messages", **fields)

    def responses(self, request: dict[str, Any], output: list[Any], **fields: Any) -> Span:
        """A call to OpenAI's Responses API."""
        id = fields.pop("id", f"resp_{self.at}")
        said = {"id": id, "object": "response", "status": "completed", "output": output}
        return self._call({"model": "gpt-4o", **request}, said, target="/v1/responses", **fields)

    def gemini(self, contents: list[Any], parts: list[Any], **fields: Any) -> Span:
        """A call to Gemini's generateContent."""
        said = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        target = "/v1beta/models/gemini-2.5-flash:generateContent"
        return self._call({"contents": contents}, said, provider="gemini", target=target, **fields)

    def _call(self, request: Any, answer: Any, **fields: Any) -> Span:
        at = fields.pop("at", self.at)
        self.at += 10 * SECOND
        return self.recorder.call(request, answer, at=at, **fields)


def linked(span: Span) -> tuple[str | None, object, object]:
    """Which rule found the execution, which call it continues, its step."""
    return span.execution_source, span.attributes.get("follows"), span.attributes.get("step")
