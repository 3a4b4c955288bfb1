"""Which parameters of a request reach LiteLLM.

LiteLLM takes addresses, keys, callbacks and whole configurations as parameters beside those of the API. What a client
may say is therefore listed, so that no request can send the proxy's key elsewhere.
"""

from typing import NamedTuple

from kagura.model import JsonObject

_CHAT = frozenset(
    (
        *(
            "audio",
            "frequency_penalty",
            "function_call",
            "functions",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
        ),
        *("max_tokens", "messages", "modalities", "model", "n", "parallel_tool_calls", "prediction"),
        *("presence_penalty", "prompt_cache_key", "reasoning_effort", "response_format", "safety_identifier", "seed"),
        *("service_tier", "stop", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs"),
        *("top_p", "user", "verbosity", "web_search_options"),
        *("thinking", "top_k", "safety_settings", "cachedContent"),
    )
)
"""OpenAI's parameters, and those of other providers that clients send along as extra fields."""
_RESPONSES = frozenset(
    (
        *("include", "input", "instructions", "max_output_tokens", "max_tool_calls", "model", "parallel_tool_calls"),
        *("prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "stream", "temperature", "text"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"),
    )
)
_EMBEDDINGS = frozenset(("dimensions", "encoding_format", "input", "input_type", "model", "task_type", "user"))


class Operation(NamedTuple):
    """An endpoint that is translated."""

    function: str
    """The coroutine function of LiteLLM's."""
    parameters: frozenset[str]


OPERATIONS = {
    "/v1/chat/completions": Operation("acompletion", _CHAT),
    "/v1/responses": Operation("aresponses", _RESPONSES),
    "/v1/embeddings": Operation("aembedding", _EMBEDDINGS),
}
"""By path."""


def divided(request: JsonObject, operation: Operation) -> tuple[JsonObject, list[str]]:
    """What of a request passes, and the names of what does not."""
    passing = {name: value for name, value in request.items() if name in operation.parameters and value is not None}
    return passing, sorted(name for name in request if name not in operation.parameters)
