"""Speech, transcripts, images, moderations, documents: endpoints whose answers hold no messages but may hold usage."""

from decimal import Decimal

from kagura.model import Call, JsonObject, Usage
from kagura.providers.framing import DONE
from kagura.providers.usage import openai_usage, other_units
from kagura.providers.values import obj, objects, quantity, text
from kagura.providers.wire import Wire, message, messages, without

_PROMPTS = ("input", "prompt", "text", "messages", "instances")
_USAGES = ("usage", "usage_info")
_PICTURES = frozenset({"images"})


def read_request(request: JsonObject, call: Call) -> None:
    """The prompt or the text to be spoken."""
    for field in _PROMPTS:
        call.input_messages += messages(request.get(field))
    call.parameters = without(request, *_PROMPTS)


def read_answer(wire: Wire, call: Call) -> None:
    """Usage wherever it stands, the transcript's text, the number of images."""
    usage: JsonObject = {}
    said: list[str] = []
    ended = not wire.answer.is_stream
    pictures = 0
    for name, data in wire.events:
        event = obj(data)
        kind = text(event.get("type")) or name or ""
        usage = next((found for field in _USAGES if (found := obj(event.get(field)))), usage)
        call.response_id = text(event.get("id")) or call.response_id
        call.response_model = text(event.get("model")) or call.response_model
        ended = ended or kind == DONE or kind.endswith((".done", ".completed"))
        if kind.endswith(".delta"):
            said.append(text(event.get("delta")) or "")
        elif whole := text(event.get("text")):
            said = [whole]
        pictures += len(objects(event.get("data"))) if wire.endpoint.name in _PICTURES else 0
        pictures += kind.endswith((".completed", "generation.completed")) and "b64_json" in event
    call.complete = ended
    call.usage = _usage(wire, usage, pictures)
    if said:
        call.output_messages = [message("".join(said), "assistant")]


def _usage(wire: Wire, usage: JsonObject, pictures: int) -> Usage | None:
    """Tokens where the provider counts them, else seconds of audio (Whisper's `duration`) or images."""
    units = other_units(usage)
    duration = wire.body.get("duration", obj(wire.body.get("metadata")).get("duration"))
    if (seconds := quantity(duration)) and "seconds" not in units:
        units["seconds"] = seconds
    if pictures:
        units["images"] = Decimal(pictures)
    if not usage and not units:
        return None
    read = openai_usage(usage, wire.provider)
    read.units = units
    return read
