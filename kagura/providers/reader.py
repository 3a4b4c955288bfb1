"""The one entry: an exchange as captured in, what it meant out."""

from types import TracebackType

from kagura.model import Call, CallError, Exchange, JsonObject, Outcome, SpanKind, Usage
from kagura.providers import (
    anthropic,
    bedrock,
    bedrock_agents,
    cohere,
    conversations,
    embeddings,
    gemini,
    native,
    ollama,
    openai_chat,
    openai_media,
    openai_responses,
    realtime,
)
from kagura.providers.bedrock import usage_beside_body
from kagura.providers.endpoints import CALLING, OTHER, find
from kagura.providers.failure import find_error
from kagura.providers.framing import Answer, Framing, read_answer
from kagura.providers.requests import read_body, request_model, split_target
from kagura.providers.results import read_results
from kagura.providers.row import Provider
from kagura.providers.sniff import sniff
from kagura.providers.usage import provider_cost
from kagura.providers.values import obj, quantity, text
from kagura.providers.wire import Dialect, Wire

DIALECTS: dict[str, Dialect] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "openai_media": openai_media,
    "embeddings": embeddings,
    "anthropic": anthropic,
    "gemini": gemini,
    "bedrock": bedrock,
    "bedrock_agents": bedrock_agents,
    "cohere": cohere,
    "conversations": conversations,
    "native": native,
    "ollama": ollama,
    "realtime": realtime,
}
"""The readers by name, as rows of `endpoints` and `sniff` name them."""

_OF_PROVIDER = {"openai": "openai_chat"}
_UNREADABLE = "kagura could not read"
_UNSETTLED = frozenset({OTHER.name, "conversations"})
"""Endpoints of which only the answer says whether a model spoke: Mistral's agents converse where OpenAI stores."""
_SPEAKING = DIALECTS.keys() - {"openai_media"}
"""Dialects whose answers are always JSON or a stream of it."""
_HEAD = 500
_BILLS = ("copilot_usage",)
"""Objects beside the usage that say what a call was billed."""
_LAST = 3


def read(exchange: Exchange, provider: Provider | None = None) -> Call:
    """Say what an exchange meant. Whatever the bytes are, this never raises: what cannot be read stays unknown.

    `provider` is the row of the table that the call went to; without it only the exchange's own dialect is known.
    """
    provider = provider or Provider(name=exchange.provider, dialect=exchange.dialect)
    path, query = split_target(exchange.target)
    endpoint = find(exchange.method, path)
    call = Call(endpoint=endpoint.name, kind=endpoint.kind, billable=endpoint.billable)
    answer = Answer(Framing.OTHER, [], b"", [])
    headers = {name.lower(): value for name, value in reversed(exchange.response_headers)}
    request: JsonObject = {}
    with _Guarded("the answer", call):
        answer = read_answer(exchange)
        call.notes += answer.notes
        call.stream = answer.is_stream
    with _Guarded("the request", call):
        request = call.parameters = read_body(exchange, call.notes)
        call.request_model = request_model(request, path, query)
        call.end_user = text(request.get("user")) or text(request.get("safety_identifier"))
    wire = Wire(endpoint, provider, request, answer, headers)
    _read_messages(wire, exchange, call)
    failed = exchange.status is not None and exchange.status >= 400
    if failed or call.billable or endpoint is OTHER:
        with _Guarded("the error", call):
            call.error = find_error(answer, failed, headers) or call.error
            if call.error and failed and call.error.type is None:
                call.error = CallError(message=call.error.message, type=f"http_{exchange.status}")
    if call.usage:
        call.notes += _oddities(call.usage)
    call.complete = call.complete and not _is_cut(exchange, answer)
    return call


def _read_messages(wire: Wire, exchange: Exchange, call: Call) -> None:
    """Let the dialect read both sides, where there is one: endpoints that only store and list have none."""
    known = wire.endpoint.dialect
    posted = exchange.method in CALLING
    unsettled = wire.endpoint.name in _UNSETTLED and posted
    if known is None and (wire.endpoint.billable or unsettled):
        known = sniff(wire.events, of_model=wire.endpoint.billable)
        if unsettled and known:
            call.kind, call.billable = (SpanKind.EMBEDDING if known == "embeddings" else SpanKind.LLM), True
        elif known is None and wire.endpoint.billable:
            known = _OF_PROVIDER.get(wire.provider.dialect, wire.provider.dialect)
    dialect = DIALECTS.get(known or "")
    if not posted:
        with _Guarded("the results", call):
            read_results(wire, exchange, call, DIALECTS)
        return
    if dialect is None:
        return
    call.dialect = known
    end_user = call.end_user
    with _Guarded("the request's messages", call):
        dialect.read_request(wire.request, call)
    call.end_user = call.end_user or end_user
    if exchange.status is not None and exchange.status >= 400:
        return
    with _Guarded("the answer's messages", call):
        dialect.read_answer(wire, call)
        call.usage = call.usage or usage_beside_body(wire)
        _add_billed_cost(wire, call)
        if known in _SPEAKING and _is_foreign(wire, exchange):
            head = wire.answer.body[:_HEAD].decode("utf-8", "replace").strip()
            call.error = CallError(message=f"the answer is not what the API promises: {head}", type="unreadable_answer")


def _is_foreign(wire: Wire, exchange: Exchange) -> bool:
    """Whether a success came to its end and holds nothing that an API says: a portal's page, a truncated value."""
    whole = exchange.outcome is Outcome.COMPLETED and not exchange.response_body.truncated
    return whole and not wire.events and bool(wire.answer.body.strip())


def _add_billed_cost(wire: Wire, call: Call) -> None:
    """What was billed as the answer's header says, or an object beside its usage.

    A header's zero says nothing: gateways send it for models they do not know.
    """
    cost = quantity(wire.headers.get(wire.provider.cost_header or ""))
    if not cost:
        last = [obj(data) for _, data in reversed(wire.events[-_LAST:])]
        beside = (provider_cost(obj(value.get(name))) for value in last for name in _BILLS if name in value)
        cost = next(beside, None)
    if cost is None:
        return
    call.usage = call.usage or Usage()
    if call.usage.provider_cost is None:
        call.usage.provider_cost = cost


def _oddities(usage: Usage) -> list[str]:
    """What providers' counts sometimes contradict (Azure's Grok: more cached than sent; OpenRouter: reasoning)."""
    cached = (usage.cache_read or 0) + (usage.cache_write or 0)
    notes = []
    if usage.input is not None and cached > usage.input:
        notes.append("more cached than input tokens")
    if usage.output is not None and (usage.reasoning or 0) > usage.output:
        notes.append("more reasoning than output tokens")
    return notes


def _is_cut(exchange: Exchange, answer: Answer) -> bool:
    """Whether the bytes themselves show that the end of an answer is missing."""
    if answer.framing is Framing.JSON:
        return not answer.events
    if answer.framing is Framing.EMPTY:
        return exchange.status is None or exchange.outcome is not Outcome.COMPLETED
    return answer.framing is Framing.OTHER and exchange.response_body.truncated


class _Guarded:
    """Note a failure of ours and go on: one odd field must not cost the rest of the record.

    Entered several times a call, and so no generator: those cost three times as much.
    """

    __slots__ = ("_call", "_what")

    def __init__(self, what: str, call: Call) -> None:
        self._what, self._call = what, call

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self._call.notes.append(f"{_UNREADABLE} {self._what}: {type(error).__name__}: {error}"[:300])
        return True
