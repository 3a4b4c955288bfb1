"""Embeddings of every provider: their usage; the vectors themselves are not kept."""

from decimal import Decimal

from kagura.model import Call, JsonObject, Usage
from kagura.providers.cohere import cohere_bills, cohere_usage
from kagura.providers.gemini import gemini_usage
from kagura.providers.ollama import ollama_usage
from kagura.providers.usage import openai_usage
from kagura.providers.values import count, obj, objects, text, total
from kagura.providers.wire import Wire, messages, without

_INPUTS = ("input", "inputs", "texts", "content", "requests", "instances", "inputText", "prompt")


def read_request(request: JsonObject, call: Call) -> None:
    """What is embedded, one message a text."""
    for field in _INPUTS:
        call.input_messages += messages(request.get(field))
    call.parameters = without(request, *_INPUTS)


def read_answer(wire: Wire, call: Call) -> None:
    """Model, id and usage."""
    body = wire.body
    call.response_id = text(body.get("id"))
    call.response_model = text(body.get("model")) or text(body.get("modelVersion"))
    call.usage = _usage(wire, body)


def _usage(wire: Wire, body: JsonObject) -> Usage | None:
    """Usage under the name that the provider gives it."""
    if usage := obj(body.get("usage")):
        return openai_usage(usage, wire.provider)
    if metadata := obj(body.get("usageMetadata")):
        return gemini_usage(metadata)
    if cohere_bills(meta := obj(body.get("meta"))):
        return cohere_usage(meta)
    if "prompt_eval_count" in body:
        return ollama_usage(body)
    if (tokens := count(body.get("inputTextTokenCount"))) is not None:
        return Usage(input=tokens, raw={"inputTextTokenCount": tokens})
    return _vertex_usage(body)


def _vertex_usage(body: JsonObject) -> Usage | None:
    """Vertex's `predict` counts each text apart, under `statistics`, and characters for the whole."""
    statistics = [obj(obj(item.get("embeddings")).get("statistics")) for item in objects(body.get("predictions"))]
    tokens = total(*(count(item.get("token_count")) for item in statistics))
    characters = count(obj(body.get("metadata")).get("billableCharacterCount"))
    if tokens is None and characters is None:
        return None
    units = {"characters": Decimal(characters)} if characters else {}
    return Usage(input=tokens, units=units, raw={"statistics": statistics, "metadata": body.get("metadata")})
