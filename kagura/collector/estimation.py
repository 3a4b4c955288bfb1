"""Usage where the provider told none: the captured prompt and answer, counted.

Only calls that a provider answered are estimated: with a success, whole or cut. What cannot be counted (pictures,
sound, reasoning that is not shown) is left out and named.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kagura.collector.tokens import count_tokens
from kagura.model import Call, Exchange, JsonObject, Message, Outcome, SpanKind, Usage, UsageSource

TOKENS_PER_MESSAGE = 3
"""What frames a message, and primes the answer
(https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb)."""

UNSPOKEN_DIALECTS = frozenset({"openai_media"})
"""Dialects whose calls are not billed by the tokens of their text."""

MEDIA = frozenset(
    [
        *("image", "image_url", "input_image", "inlineData", "inline_data", "fileData", "file_data", "file", "file_id"),
        *("input_audio", "audio", "video", "video_url", "document", "source", "images"),
    ]
)
"""Fields that hold what is no text, or point to it."""

SILENT = frozenset(
    [
        *(
            "type",
            "model",
            "taskType",
            "id",
            "role",
            "index",
            "status",
            "object",
            "tool_call_id",
            "call_id",
            "tool_use_id",
            "toolUseId",
        ),
        *("cache_control", "cachePoint", "signature", "thoughtSignature", "encrypted_content", "data", "annotations"),
        *("citations", "logprobs", "citation", "reasoning_details", "mimeType", "media_type", "detail", "phase"),
    ]
)
"""Fields that the model does not read as text; `reasoning_details` repeat the reasoning."""

REASONING = frozenset(["thinking", "reasoning", "reasoning_content"])
"""Fields of earlier answers that providers leave out of the prompt; in the answer itself they are output."""

AS_JSON = frozenset(["input", "args", "arguments", "parameters", "input_schema", "json", "response", "output_schema"])
"""Fields whose objects the model reads as JSON."""

PROMPT_PARAMETERS = (
    *("tools", "functions", "toolConfig", "tool_config", "response_format", "responseSchema", "output_format"),
    "documents",
)
"""Parameters that become part of the prompt."""

_DEPTH = 20
_LONGEST_WORD = 512
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")
"""Base64 within text or JSON, such as a file that a tool returned."""


def estimate(exchange: Exchange, call: Call) -> tuple[Usage, JsonObject] | None:
    """The usage of a call and how it was counted; `None` where nothing is to be counted or nothing can be."""
    if not _is_open(exchange, call):
        return None
    model = call.response_model or call.request_model
    media: Counter[str] = Counter()
    said = count_tokens([*_texts(call.output_messages, SILENT, media)], model)
    output = said.tokens
    basis: JsonObject = {"method": said.method, "own_encoding": said.own, "of": ["input", "output"]}
    body = exchange.response_body
    if body.truncated and body.data:
        output = round(output * body.size / len(body.data))
        basis["captured"] = round(len(body.data) / body.size, 4)
    known = call.usage
    if known is not None:
        if output <= (known.output or 0):
            return None
        basis["of"] = ["output"]
        usage = msgspec.structs.replace(known, output=output, source=UsageSource.ESTIMATED)
    else:
        sent = _texts(call.input_messages, SILENT | REASONING, media)
        asked = count_tokens([*sent, *_parameters(call.parameters)], model)
        media["previous_response"] += call.previous_response_id is not None
        framing = TOKENS_PER_MESSAGE * (len(call.input_messages) + 1) if call.kind is SpanKind.LLM else 0
        usage = Usage(input=asked.tokens + framing, output=output, source=UsageSource.ESTIMATED)
        if asked.share < 1:
            basis["sampled"] = asked.share
    if not_counted := +media:
        basis["not_counted"] = dict(not_counted)
    return usage, basis


def _is_open(exchange: Exchange, call: Call) -> bool:
    """Whether the provider answered, bills for it, and did not say how much."""
    if exchange.outcome in (None, Outcome.INTERRUPTED) or exchange.status is None or exchange.status >= 400:
        return False
    if not call.billable or call.dialect in (None, *UNSPOKEN_DIALECTS):
        return False
    if call.kind not in (SpanKind.LLM, SpanKind.EMBEDDING):
        return False
    if call.usage is not None:
        return call.usage_partial
    if call.error is not None and not call.output_messages:
        return False
    # Without the whole request there is no telling what of it was text.
    return bool(call.input_messages) and not exchange.request_body.truncated


def _texts(messages: Sequence[Message], silent: frozenset[str], media: Counter[str]) -> Iterator[str]:
    for message in messages:
        for text in _strings(message.content, silent, media, 0):
            if len(text) > _LONGEST_WORD:
                text, found = _ENCODED.subn("", text)
                media["base64"] += found
            yield text


def _strings(value: Any, silent: frozenset[str], media: Counter[str], depth: int) -> Iterator[str]:
    """The texts of a message in any dialect, tool calls as the JSON that they are."""
    if isinstance(value, str):
        if value:
            yield value
    elif depth > _DEPTH:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, silent, media, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in silent or item is None:
                continue
            if name in MEDIA:
                media[name] += 1
            elif name in AS_JSON and not isinstance(item, str):
                yield msgspec.json.encode(item).decode()
            else:
                yield from _strings(item, silent, media, depth + 1)


def _parameters(parameters: JsonObject) -> Iterator[str]:
    """Tools and schemas, which providers write into the prompt."""
    for name in PROMPT_PARAMETERS:
        if found := parameters.get(name):
            yield msgspec.json.encode(found).decode()
