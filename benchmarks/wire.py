"""What client and provider of the benchmarks say to each other, known to both so that nothing needs parsing."""

import json

PATH = b"/v1/chat/completions"
MODEL = "gpt-4o-mini"
INPUT_TOKENS = 120
OUTPUT_TOKENS = 40
EVENTS = 40
"""Events of a stream that carry text; one with the finish reason and one with the usage follow."""
DIGITS = 20
"""Width of the numbers that make each question and answer unlike the last, so that no store can keep them as one."""
STAMP = b'"@'
"""Begins the text of a stream's event; the provider's monotonic clock follows, in nanoseconds and `DIGITS` wide."""

_NUMBER = "#" * DIGITS
_USAGE = {
    "prompt_tokens": INPUT_TOKENS,
    "completion_tokens": OUTPUT_TOKENS,
    "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
_HEAD = {"id": f"chatcmpl-{_NUMBER}", "created": 1_760_000_000, "model": f"{MODEL}-2024-07-18"}
_EVENT = _HEAD | {"id": "chatcmpl-stream", "object": "chat.completion.chunk"}


class Template:
    """Bytes with one number in them."""

    def __init__(self, text: str) -> None:
        before, _, after = text.partition(_NUMBER)
        self._before, self._after = before.encode(), after.encode()
        self.size = len(text)

    def filled(self, number: int) -> bytes:
        """The bytes with `number` in its place."""
        return b"%b%020d%b" % (self._before, number, self._after)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def question(*, stream: bool) -> Template:
    """The request's body: a system message and a question of some 500 characters."""
    told = "You are a careful assistant. Answer in one sentence. " * 4
    asked = f"Question {_NUMBER}: what would one wear for a walk along the river in Kyoto? " + "Think well. " * 20
    body: dict[str, object] = {
        "model": MODEL,
        "messages": [{"role": "system", "content": told}, {"role": "user", "content": asked}],
        "temperature": 0.2,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Template(_json(body))


def answer() -> Template:
    """A plain chat completion of 0.9 KB."""
    text = "A light jacket, shoes that may get wet, and an umbrella. " * 8
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Template(_json(_HEAD | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}))


def event() -> Template:
    """An event of a stream whose text is `STAMP` and a number."""
    choice = {"index": 0, "delta": {"content": f"@{_NUMBER}@"}, "finish_reason": None}
    return Template(f"data: {_json(_EVENT | {'choices': [choice]})}\n\n")


def end_of_stream() -> bytes:
    """The events that close a stream: finish reason, usage, `[DONE]`."""
    finish = _EVENT | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = _EVENT | {"choices": [], "usage": _USAGE}
    return f"data: {_json(finish)}\n\ndata: {_json(usage)}\n\ndata: [DONE]\n\n".encode()
