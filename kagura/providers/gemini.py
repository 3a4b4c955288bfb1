"""Google's generateContent, streamGenerateContent and interactions, on AI Studio and Vertex."""

from decimal import Decimal
from typing import Any

from kagura.model import Call, JsonObject, Message, ToolCall, Usage
from kagura.providers import gemini_calls, interactions
from kagura.providers.usage import provider_cost
from kagura.providers.values import count, obj, objects, text, total
from kagura.providers.wire import Wire, messages, plain_text, without

_MODALITIES = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}
_FINISH_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""The numbers of google.ai.generativelanguage's enums: some gateways send them in place of the names."""
_ROLES = {"model": "assistant"}


def read_request(request: JsonObject, call: Call) -> None:
    """The system instruction as a message of its own, then the contents (or an interaction's input)."""
    system = request.get("systemInstruction", request.get("system_instruction"))
    call.input_messages = [Message(role="system", content=system, text=plain_text(system))] if system else []
    call.input_messages += [_content(item) for item in messages(request.get("contents", request.get("input")))]
    call.previous_response_id = text(request.get("previous_interaction_id"))
    call.end_user = text(obj(request.get("labels")).get("user"))
    call.parameters = without(request, "contents", "input", "systemInstruction", "system_instruction")


def read_answer(wire: Wire, call: Call) -> None:
    """Candidates and usage of one answer or of the chunks of a stream; an interaction has a shape of its own."""
    if wire.endpoint.name == "interactions":
        interactions.read_answer(wire, call)
        return
    usage: JsonObject = {}
    candidates: dict[Any, _Candidate] = {}
    for _, data in wire.events:
        chunk = obj(data)
        call.response_id = call.response_id or text(chunk.get("responseId"))
        call.response_model = call.response_model or text(chunk.get("modelVersion"))
        metadata = obj(chunk.get("usageMetadata"))
        if any(count(value) for value in metadata.values()) or not usage:
            usage = metadata or usage
        for at, part in enumerate(objects(chunk.get("candidates"))):
            index = part.get("index")
            candidates.setdefault(index if isinstance(index, int) else at, _Candidate()).add(part)
        if blocked := obj(chunk.get("promptFeedback")).get("blockReason"):
            call.finish_reason = call.finish_reason or f"blocked:{blocked}"
    if usage:
        call.usage = gemini_usage(usage)
        searches = sum(candidate.searches for candidate in candidates.values())
        if searches:
            call.usage.units = {"grounding_queries": Decimal(searches)}
    finished = [candidate for candidate in candidates.values() if candidate.finish_reason]
    call.finish_reason = finished[0].finish_reason if finished else call.finish_reason
    call.complete = bool(call.finish_reason) or not wire.answer.is_stream
    call.output_messages = [candidate.message() for candidate in candidates.values() if candidate.parts]
    call.tool_calls = [tool for candidate in candidates.values() for tool in candidate.tool_calls()]


def gemini_usage(raw: JsonObject) -> Usage:
    """Read `usageMetadata`: cached tokens stand inside the prompt's, thoughts and tools' prompts outside."""
    prompt = count(raw.get("promptTokenCount"))
    thoughts = count(raw.get("thoughtsTokenCount"))
    answer = total(count(raw.get("candidatesTokenCount")), count(raw.get("responseTokenCount")), thoughts)
    prompt_details, answer_details = (
        _modalities(raw, "promptTokensDetails") or _modalities(raw, "promptTokenDetails"),
        _modalities(raw, "candidatesTokensDetails") or _modalities(raw, "responseTokensDetails"),
    )
    return Usage(
        input=total(prompt, count(raw.get("toolUsePromptTokenCount"))),
        output=0 if answer is None and prompt is not None else answer,
        cache_read=count(raw.get("cachedContentTokenCount")),
        reasoning=thoughts,
        audio_input=prompt_details.get("AUDIO"),
        audio_output=answer_details.get("AUDIO"),
        audio_cache_read=_modalities(raw, "cacheTokensDetails").get("AUDIO"),
        image_input=prompt_details.get("IMAGE"),
        image_output=answer_details.get("IMAGE"),
        provider_cost=provider_cost(raw),
        service_tier=text(raw.get("serviceTier")),
        raw=raw,
    )


def _modalities(raw: JsonObject, field: str) -> dict[str, int]:
    """Tokens by modality."""
    found: dict[str, int] = {}
    for entry in objects(raw.get(field)):
        modality = entry.get("modality")
        name = _MODALITIES.get(modality) if isinstance(modality, int) else text(modality)
        if name and (tokens := count(entry.get("tokenCount"))) is not None:
            found[name] = found.get(name, 0) + tokens
    return found


def _content(sent: Message) -> Message:
    """The same message under the role name that other dialects use."""
    sent.role = _ROLES.get(sent.role, sent.role)
    return sent


class _Candidate:
    """One candidate, put together from its chunks."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.parts: list[JsonObject] = []
        self.searches = 0
        self._role = "model"
        self._runs: dict[int, list[str]] = {}

    def add(self, candidate: JsonObject) -> None:
        """Take a candidate of one chunk; runs of plain text become one part."""
        reason = candidate.get("finishReason")
        self.finish_reason = (
            _FINISH_REASONS.get(reason) if isinstance(reason, int) else text(reason)
        ) or self.finish_reason
        content = obj(candidate.get("content"))
        self._role = text(content.get("role")) or self._role
        self.searches += len(_list(obj(candidate.get("groundingMetadata")).get("webSearchQueries")))
        for part in objects(content.get("parts")):
            last = self.parts[-1] if self.parts else {}
            if gemini_calls.continues(part) and "functionCall" in last:
                call = gemini_calls.extended(obj(last["functionCall"]), obj(part["functionCall"]))
                self.parts[-1] = {**last, "functionCall": call}
            elif _is_plain(part) and _is_plain(last) and part.get("thought") == last.get("thought"):
                self._runs[len(self.parts) - 1].append(part["text"])
            else:
                self._runs[len(self.parts)] = [part["text"]] if _is_plain(part) else []
                self.parts.append(part)

    def message(self) -> Message:
        """The model's content as a client sends it back with the next turn."""
        runs = self._runs
        parts = [
            {**part, "text": "".join(runs[at])} if len(runs[at]) > 1 else part for at, part in enumerate(self.parts)
        ]
        said = [part for part in parts if not part.get("thought")]
        return Message(role="assistant", content={"role": self._role, "parts": parts}, text=plain_text(said))

    def tool_calls(self) -> list[ToolCall]:
        """The functions that the candidate asks for."""
        calls = [obj(part.get("functionCall")) for part in self.parts if "functionCall" in part]
        return [
            ToolCall(name=text(call.get("name")) or "", id=text(call.get("id")), arguments=call.get("args"))
            for call in calls
        ]


def _is_plain(part: JsonObject) -> bool:
    """Whether a part is text (or a thought's text) and nothing else."""
    return isinstance(part.get("text"), str) and all(name in ("text", "thought") for name in part)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
